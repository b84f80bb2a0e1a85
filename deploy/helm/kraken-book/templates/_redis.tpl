{{- define "kraken-book.redisConf" -}}
port 6379
bind * -::*
# The users of users.acl protect it.
protected-mode no
dir /data
appendonly yes
save ""
maxmemory {{ .Values.redis.maxmemory }}
# A full Redis refuses writes, which collectors and readers report. An eviction would lose books
# silently.
maxmemory-policy noeviction
{{- end -}}

{{- define "kraken-book.exporterCommands" -}}
+info +config|get +slowlog|len +slowlog|get +latency|latest +client|setname
{{- end -}}

{{/* The users of Redis. Those of collector and api are in files/redis-acl.conf, for Kraken's keys: each
pattern of a key of Kraken is repeated for every venue. start.sh replaces @NAME@ by a hash. Nobody can
be the default user, whose rights Redis needs to load its append-only file. */}}
{{- define "kraken-book.redisUsers" -}}
user default off ~* &* +@all
user health on nopass resetkeys resetchannels -@all +ping
user operator on #@operator@ ~* &* +@all
{{- if .Values.redis.exporter.enabled }}
user exporter on #@exporter@ resetkeys resetchannels -@all {{ include "kraken-book.exporterCommands" . }}
{{- end }}
{{- $root := . }}
{{- range $line := splitList "\n" (.Files.Get "files/redis-acl.conf") }}
{{- if regexMatch "^user (collector|api) " $line }}
{{- $words := list }}
{{- $user := index (splitList " " $line) 1 }}
{{- range $word := splitList " " $line }}
{{- if hasPrefix ">" $word }}
{{- $words = append $words (printf "#@%s@" $user) }}
{{- else if regexMatch "^(~|%R~)kraken:" $word }}
{{- range $venue, $_ := $root.Values.venues }}
{{- $words = append $words (replace "~kraken:" (printf "~%s:" $venue) $word) }}
{{- end }}
{{- else }}
{{- $words = append $words $word }}
{{- end }}
{{- end }}
{{ join " " $words }}
{{- end }}
{{- end }}
{{- end -}}
