"""How often A/B tests err, by simulation: experiments of known truth."""
