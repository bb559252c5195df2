"""Where alarms are sent."""
