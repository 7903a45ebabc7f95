"""An encoder that has seen signing without glosses, and under which a recogniser begins."""
