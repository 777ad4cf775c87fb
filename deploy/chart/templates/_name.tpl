{{/* Names and labels that every object of the release shares. */}}

{{- define "pointsman.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The app: what a Service selects. The servers are one app in two versions. */}}
{{- define "pointsman.app" -}}
{{- if eq .Values.component "server" -}}
{{- include "pointsman.serviceName" . -}}
{{- else -}}
{{- include "pointsman.name" . -}}
{{- end -}}
{{- end -}}

{{- define "pointsman.serviceName" -}}
{{- if .Values.service.name -}}
{{- .Values.service.name -}}
{{- else if eq .Values.component "server" -}}
dubbo-go-server
{{- else -}}
{{- include "pointsman.name" . -}}
{{- end -}}
{{- end -}}

{{- define "pointsman.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "pointsman.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "pointsman.selectorLabels" -}}
app: {{ include "pointsman.app" . }}
{{- if eq .Values.component "server" }}
dubbogoAppVersion: {{ .Values.version.labels.dubbogoAppVersion }}
{{- end }}
{{- end -}}

{{- define "pointsman.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: {{ .Values.component }}
app.kubernetes.io/version: {{ default .Chart.AppVersion .Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Whether a gateway reads rules from the Kubernetes API. */}}
{{- define "pointsman.readsKubernetes" -}}
{{- if eq .Values.component "gateway" -}}
{{- range .Values.gateway.config }}{{ if hasPrefix "k8s://" . }}yes{{ end }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* yes where this release makes the Service: always, never, or unless another release has it. */}}
{{- define "pointsman.makesService" -}}
{{- $create := toString .Values.service.create -}}
{{- if eq .Values.component "client" -}}
{{- else if eq $create "true" -}}yes
{{- else if eq $create "auto" -}}
{{- $there := lookup "v1" "Service" .Release.Namespace (include "pointsman.serviceName" .) -}}
{{- $owner := "" -}}
{{- if $there -}}{{- $owner = index (default dict $there.metadata.annotations) "meta.helm.sh/release-name" -}}{{- end -}}
{{- if or (not $there) (eq (toString $owner) .Release.Name) -}}yes{{- end -}}
{{- end -}}
{{- end -}}
