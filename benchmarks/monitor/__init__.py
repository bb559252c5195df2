"""How the watch judges, how fast it counts and reads, and how early it warns."""
