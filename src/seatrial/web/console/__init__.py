"""The console: what people see of releases, evidence and traffic, in English and Chinese."""
