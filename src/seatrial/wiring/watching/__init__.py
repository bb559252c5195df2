"""The watch of servers and of logs: rows, references, labels, reports, alarms."""
