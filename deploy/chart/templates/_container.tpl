{{/* What differs between server, client and gateway: arguments, probes and volumes. */}}

{{- define "pointsman.serverArgs" -}}
- greeter-server
- --version={{ .Values.version.labels.dubbogoAppVersion }}
- --port={{ .Values.service.port }}
{{- end -}}

{{- define "pointsman.clientArgs" -}}
- greeter-client
- {{ printf "--address=%s" .Values.client.address | quote }}
- {{ printf "--name=%s" .Values.client.name | quote }}
- --interval={{ .Values.client.interval }}
- --protocol={{ .Values.client.protocol }}
{{- with .Values.client.service }}
- {{ printf "--service=%s" . | quote }}
{{- end }}
{{- end -}}

{{/* A source as it is read: k8s:// in one namespace alone, where the role is for no more. */}}
{{- define "pointsman.source" -}}
{{- if and (hasPrefix "k8s://" .source) (not .values.rbac.clusterWide) (not (contains "namespace=" .source)) -}}
{{- printf "%s%snamespace=%s" .source (contains "?" .source | ternary "&" "?") .release.Namespace -}}
{{- else -}}
{{- .source -}}
{{- end -}}
{{- end -}}

{{- define "pointsman.gatewayArgs" -}}
{{- $values := .Values.gateway -}}
{{- if not (or $values.config $values.rules) -}}
{{- fail "Cannot run a gateway without rules: give gateway.config a source, for example k8s://, or gateway.rules a file" -}}
{{- end -}}
{{- range $name, $what := dict "status" "write a status" "secrets" "read Secrets" -}}
{{- if and (index $values $name) (not (include "pointsman.readsKubernetes" $)) -}}
{{- fail (printf "Cannot %s without a cluster: add k8s:// to gateway.config, or leave gateway.%s false" $what $name) -}}
{{- end -}}
{{- end -}}
{{- if eq (int $values.port) (int $values.adminPort) -}}
{{- fail (printf "Cannot use %d for both gateway.port and gateway.adminPort: choose another for one of them" (int $values.port)) -}}
{{- end -}}
{{- if and $values.httpsPort (not $values.name) -}}
{{- fail "Cannot use gateway.httpsPort without a Gateway: give its name in gateway.name" -}}
{{- end -}}
{{- if has (int (default 0 $values.httpsPort)) (list (int $values.port) (int $values.adminPort)) -}}
{{- fail (printf "Cannot use %d for gateway.httpsPort and another port: choose another" (int $values.httpsPort)) -}}
{{- end -}}
- serve
- --port={{ $values.port }}{{ with $values.servicePort }}={{ . }}{{ end }}
{{- with $values.httpsPort }}
- --port={{ . }}=443
{{- end }}
- --admin-port={{ $values.adminPort }}
- --admin-host=0.0.0.0
{{- range $values.config }}
- {{ include "pointsman.source" (dict "source" . "values" $.Values "release" $.Release) | printf "--config=%s" | quote }}
{{- end }}
{{- if $values.rules }}
- --config=/etc/pointsman
{{- end }}
{{- with $values.defaultHost }}
- {{ printf "--default-host=%s" . | quote }}
{{- end }}
{{- if $values.status }}
- --status
{{- end }}
{{- with $values.name }}
- {{ printf "--gateway=%s" . | quote }}
{{- end }}
{{- if include "pointsman.readsKubernetes" . }}
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
