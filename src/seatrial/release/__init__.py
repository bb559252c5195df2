"""How traffic moves and why: variants, gates, rollouts, the controller."""
