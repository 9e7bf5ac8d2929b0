"""Where readings go: lines of JSON, a rotating file, MQTT; none of them holds up reading."""
