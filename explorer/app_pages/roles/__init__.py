"""Page Roles: what each head does over a whole text, with sentences that show it."""
