"""Telemetry that every workload carries: scraping, objectives with alerts, a dashboard, OpenTelemetry's settings."""
