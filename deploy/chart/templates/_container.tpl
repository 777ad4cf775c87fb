{{/* What differs between server, client and gateway: arguments, probes and volumes. */}}

{{- define "pointsman.serverArgs" -}}
- greeter-server
- --version={{ .Values.version.labels.dubbogoAppVersion }}
- --port={{ .Values.service.port }}
{{- end -}}

{{- define "pointsman.clientArgs" -}}
- greeter-client
- --address={{ .Values.client.address }}
- --name={{ .Values.client.name }}
- --interval={{ .Values.client.interval }}
- --protocol={{ .Values.client.protocol }}
{{- with .Values.client.service }}
- --service={{ . }}
{{- end }}
{{- end -}}

{{- define "pointsman.gatewayArgs" -}}
{{- $values := .Values.gateway -}}
- serve
- --port={{ $values.port }}{{ with $values.servicePort }}={{ . }}{{ end }}
- --admin-port={{ $values.adminPort }}
- --admin-host=0.0.0.0
{{- range $values.config }}
- --config={{ . }}
{{- end }}
{{- if $values.rules }}
- --config=/etc/pointsman
{{- end }}
{{- with $values.defaultHost }}
- --default-host={{ . }}
{{- end }}
{{- with $values.name }}
- --gateway={{ . }}
{{- end }}
{{- if and (include "pointsman.readsKubernetes" .) (not .Values.rbac.clusterWide) }}
- --namespace={{ .Release.Namespace }}
{{- end }}
{{- range $values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "pointsman.probes" -}}
{{- $component := .Values.component -}}
{{- if ne $component "client" -}}
{{- range $name := list "startup" "liveness" "readiness" -}}
{{- with index $.Values.probes $name }}
{{ $name }}Probe:
  {{- if or (hasKey . "grpc") (hasKey . "httpGet") (hasKey . "tcpSocket") (hasKey . "exec") }}
  {{- else if eq $component "server" }}
  grpc: { port: {{ $.Values.service.port }} }
  {{- else }}
  httpGet: { path: {{ eq $name "liveness" | ternary "/healthz" "/readyz" }}, port: http-admin }
  {{- end }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "pointsman.volumeMounts" -}}
{{- if .Values.istioToken.enabled }}
- { name: istio-token, mountPath: {{ .Values.istioToken.mountPath | quote }}, readOnly: true }
{{- end }}
{{- if and (eq .Values.component "gateway") .Values.gateway.rules }}
- { name: rules, mountPath: /etc/pointsman, readOnly: true }
{{- end }}
{{- end -}}

{{- define "pointsman.volumes" -}}
{{- if .Values.istioToken.enabled }}
- name: istio-token
  projected:
    sources:
      - serviceAccountToken:
          path: istio-token
          audience: {{ .Values.istioToken.audience | quote }}
          expirationSeconds: {{ .Values.istioToken.expirationSeconds }}
{{- end }}
{{- if and (eq .Values.component "gateway") .Values.gateway.rules }}
- name: rules
  configMap: { name: {{ include "pointsman.name" . }}-rules }
{{- end }}
{{- end -}}
