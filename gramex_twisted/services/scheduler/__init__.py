"""What runs at given times: schedules and alerts, once for all processes of an app."""
