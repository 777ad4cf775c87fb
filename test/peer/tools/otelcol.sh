VERSION=v0.165.0
WHAT='OpenTelemetry Collector with OTLP in and its debug exporter out'
fetch() { mod_bin "$1" otelcol .=otelcol; }
