"""What builds the pages and checks a release: no part of the packages."""
