"""The networks that lift, a module a kind, and the one place where they are built (`registry`)."""
