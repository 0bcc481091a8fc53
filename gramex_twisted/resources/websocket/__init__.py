"""WebSocketHandler: functions that a WebSocket's connection calls."""
