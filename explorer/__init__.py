"""The app: pages that show and question a translation."""
