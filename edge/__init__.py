"""The application: who asks, what they see and what it costs."""
