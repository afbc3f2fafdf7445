{{/* What the schema cannot say, or not in a way that people understand. */}}
{{- define "partner-operator.check" -}}
{{- /* A host with letters of any script, one in a URL, a port, and addresses and networks of both versions. */ -}}
{{- $label := `[0-9A-Za-z\x{80}-\x{10FFFF}]([-0-9A-Za-z\x{80}-\x{10FFFF}]*[0-9A-Za-z\x{80}-\x{10FFFF}])?` -}}
{{- $host := printf `%s([.]%s)*[.]?` $label $label -}}
{{- $urlHost := `([-._~!$&'()*+,;="<>0-9A-Za-z\x{80}-\x{10FFFF}]+|\[[0-9a-fA-F:.]+\])` -}}
{{- $port := `(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})` -}}
{{- $v4 := `B([.]B){3}` | replace "B" `(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])` -}}
{{- $v6 := `((H:){7}H|(H:){1,7}:|(H:){1,6}:H|(H:){1,5}(:H){1,2}|(H:){1,4}(:H){1,3}|(H:){1,3}(:H){1,4}|(H:){1,2}(:H){1,5}|H:(:H){1,6}|:(:H){1,7}|::|(H:){6}V|::(H:){0,5}V|H::(H:){0,4}V|(H:){1,4}:V)` | replace "H" `[0-9a-fA-F]{1,4}` | replace "V" $v4 -}}
{{- $network := printf `(%s/(3[0-2]|[12]?[0-9])|%s/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))` $v4 $v6 -}}
{{- with .Values -}}
{{- if not .portal.url -}}
{{- fail "portal.url is required: the public address of the portal, such as https://partners.example.com" -}}
{{- else if not (regexMatch (printf `^https?://(%s|\[%s\])(:[0-9]+)?/?$` $host $v6) .portal.url) -}}
{{- fail (printf "portal.url must be a host without a path, such as https://partners.example.com, and is %q" .portal.url) -}}
{{- end -}}
{{- if and .smtp.url .smtp.urlKey -}}
{{- fail "smtp.url and smtp.urlKey say the same: set one of them" -}}
{{- end -}}
{{- if and .smtp.urlKey (not .smtp.existingSecret) -}}
{{- fail "smtp.urlKey is a key of the Secret that smtp.existingSecret names: set that too" -}}
{{- end -}}
{{- range .portal.trustedProxies -}}
{{- if not (regexMatch (printf `^%s$` $network) .) -}}
{{- fail (printf "portal.trustedProxies holds %q: write networks, such as 10.0.0.0/8 and 192.168.1.7/32" .) -}}
{{- end -}}
{{- end -}}
{{- /* What is wrong with it is not repeated: it could be a password. */ -}}
{{- if regexMatch "^[^/]*//[^/?#]*:[^/?#]*@" .smtp.url -}}
{{- fail "smtp.url holds a password: put it into a Secret, and name that with smtp.existingSecret" -}}
{{- else if not (regexMatch (printf `^(smtp://([^@:/?#\s]+@)?%s(:%s?)?/?([?]tls=(starttls|implicit|none))?)?$` $urlHost $port) .smtp.url) -}}
{{- fail "smtp.url must be smtp://[user@]host:port?tls=starttls|implicit|none" -}}
{{- end -}}
{{- $user := contains "@" .smtp.url -}}
{{- if and .smtp.url (ne $user (not (empty .smtp.existingSecret))) -}}
{{- fail "a user in smtp.url, as in smtp://user@mail.example.com, and smtp.existingSecret with the password go together: set both or neither" -}}
{{- end -}}
{{- range .smtp.brandHosts -}}
{{- if not (regexMatch (printf `^(%s|%s|%s|[.]?%s)$` $network $v4 $v6 $host) .) -}}
{{- fail (printf "smtp.brandHosts holds %q: write host names and networks, such as mail.example.com and 10.20.0.0/16" .) -}}
{{- else if and (regexMatch `^([.]?|.*[.])[0-9]+[.]?$` .) (not (regexMatch (printf `^%s$` $v4) .)) -}}
{{- fail (printf "smtp.brandHosts holds %q: write host names and networks, such as mail.example.com and 10.20.0.0/16" .) -}}
{{- end -}}
{{- end -}}
{{- $name := $host | replace `\x{80}-\x{10FFFF}` "" | trimSuffix "[.]?" -}}
{{- if or (not (regexMatch (printf `^(%s|\[(%s|IPv6:%s)\])?$` $name $v4 $v6) .smtp.helo)) (regexMatch (printf `^%s$` $v4) .smtp.helo) -}}
{{- fail (printf "smtp.helo must be the name of a host, such as mail.example.com, or an address in brackets, such as [192.0.2.1], and is %q" .smtp.helo) -}}
{{- end -}}
{{- range .portal.brandHosts -}}
{{- if not (regexMatch (printf `^%s(:%s)?$` $name $port) .) -}}
{{- fail (printf "portal.brandHosts holds %q: write hosts, such as partners.example.com" .) -}}
{{- end -}}
{{- end -}}
{{- $atom := "[-0-9A-Za-z!#$%&'*+/=?^_`{|}~]+" -}}
{{- $address := printf `%s([.]%s)*@%s` $atom $atom $host -}}
{{- $word := `("([^"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f])*"|[^][()<>:;@\\,"\s\x00-\x1f\x7f]+)` -}}
{{- if not (regexMatch (printf `^(%s|(%s *)*<%s>)?$` $address $word $address) .mail.from) -}}
{{- fail (printf "mail.from must be a sender such as \"Acme Partners <partners@acme.example>\", and is %q" .mail.from) -}}
{{- end -}}
{{- if and .events.url .events.existingSecret -}}
{{- fail "events.url and events.existingSecret say the same: set one of them" -}}
{{- end -}}
{{- /* Whoever knows the address may be let in by it, so it is not repeated. */ -}}
{{- if regexMatch "^[^/]*//[^/?#]*@" .events.url -}}
{{- fail "events.url must not hold a user or a password: use a receiver that knows the operator by a secret path, and set the whole address by events.existingSecret" -}}
{{- else if not (regexMatch (printf `^(https?://%s(:[0-9]*)?(/([^?#%%\x00-\x1f\x7f]|%%[0-9a-fA-F]{2})*)?([?][^#\x00-\x1f\x7f]*)?)?$` $urlHost) .events.url) -}}
{{- fail "events.url must be an address such as https://crm.example.com/hooks/partners, without a part behind #" -}}
{{- end -}}
{{- $sign := include "partner-operator.seconds" .portal.signInLifetime | int -}}
{{- if and .portal.signInLifetime (or (lt $sign 60) (gt $sign 3600) (mod $sign 60)) -}}
{{- fail (printf "portal.signInLifetime is %s: write whole minutes from 1m to 1h, such as 15m" .portal.signInLifetime) -}}
{{- end -}}
{{- if and .portal.sessionLifetime (lt (include "partner-operator.seconds" .portal.sessionLifetime | int) 60) -}}
{{- fail (printf "portal.sessionLifetime is %s: write 1m or more, such as 720h" .portal.sessionLifetime) -}}
{{- end -}}
{{- $idle := include "partner-operator.seconds" .portal.sessionIdle | int -}}
{{- if and (gt $idle 0) (lt $idle 60) -}}
{{- fail (printf "portal.sessionIdle is %s: write 1m or more, such as 24h, or 0s to let idle sessions go on" .portal.sessionIdle) -}}
{{- end -}}
{{- if and (not .metrics.enabled) (or .prometheus.serviceMonitor.enabled .prometheus.rules.enabled) -}}
{{- fail "prometheus.serviceMonitor and prometheus.rules need metrics.enabled" -}}
{{- end -}}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) -}}
{{- fail "httpRoute.parentRefs is required with httpRoute.enabled: the Gateways, such as [{name: public, namespace: gateways}]" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* How many seconds a lifetime such as 1h30m has. */}}
{{- define "partner-operator.seconds" -}}
{{- $part := dict -}}
{{- range $unit := list "h" "m" "s" -}}
{{- $_ := set $part $unit (regexFind (printf "[0-9]+%s" $unit) $ | trimSuffix $unit | int) -}}
{{- end -}}
{{- add (mul $part.h 3600) (mul $part.m 60) $part.s -}}
{{- end -}}
