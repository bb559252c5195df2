"""From passages to a reply: cited sentences, or an honest refusal."""
