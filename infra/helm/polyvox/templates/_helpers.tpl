{{- define "polyvox.fullname" -}}
{{- if contains "polyvox" .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-polyvox" .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "polyvox.selector" -}}
app.kubernetes.io/name: polyvox
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "polyvox.labels" -}}
{{ include "polyvox.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "polyvox.secretName" -}}
{{- if .Values.secrets.existingSecret }}{{ .Values.secrets.existingSecret }}
{{- else if .Values.secrets.values }}{{ include "polyvox.fullname" . }}
{{- else }}{{ fail "name a Secret in secrets.existingSecret, or give its values in secrets.values (at least database)" }}
{{- end }}
{{- end }}

{{- define "polyvox.firstKeyName" -}}
{{- if .Values.firstKey.existingSecret }}{{ .Values.firstKey.existingSecret }}
{{- else if .Values.firstKey.value }}{{ include "polyvox.fullname" . }}-first-key
{{- else }}{{ fail "name a Secret with the first key in firstKey.existingSecret, or give the key in firstKey.value (`polyvox keys new` writes one)" }}
{{- end }}
{{- end }}

{{- define "polyvox.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "polyvox.fullname" .) }}
{{- else }}{{ .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- /* The processes to run, as YAML: all of them, but the watcher only where something is watched. */ -}}
{{- define "polyvox.processes" -}}
{{- $processes := .Values.processes }}
{{- if not .Values.watches }}{{ $processes = omit $processes "watcher" }}{{ end }}
{{- toYaml $processes }}
{{- end }}

{{- define "polyvox.container.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
