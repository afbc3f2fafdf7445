package install

import (
	"strings"
	"testing"
)

// What is wrong with values is told in a sentence that names the value, before anything is made.
func TestValuesThatAreWrong(t *testing.T) {
	for name, test := range map[string]struct {
		values string
		says   []string
	}{
		"nothing set":             {"{}", []string{"portal.url is required: the public address of the portal, such as https://partners.example.com"}},
		"portal.url with a path":  {"portal: {url: https://example.com/partners}", []string{`portal.url must be a host without a path, such as https://partners.example.com, and is "https://example.com/partners"`}},
		"portal.url of no scheme": {"portal: {url: partners.example.com}", []string{"portal.url must be a host"}},
		"portal.url of no host":   {"portal: {url: 'https://:8443'}", []string{"portal.url must be a host"}},
		"bad portal.url, ingress": {"portal: {url: 'https://[oops'}\ningress: {enabled: true}", []string{"portal.url must be a host"}},
		"portal.url of no text":   {"portal: {url: 5}", []string{"at '/portal/url': got number, want string"}},
		"a proxy, not a network":  {required + "\n---\nportal: {trustedProxies: [10.0.0.1]}", []string{`portal.trustedProxies holds "10.0.0.1"`, "10.0.0.0/8"}},

		"a lifetime in days": {required + "\n---\nportal: {sessionLifetime: 30d}", []string{"at '/portal/sessionLifetime'"}},

		"smtp.url of another scheme":  {required + "\nsmtp: {url: 'https://mail.example.com'}", []string{"smtp.url must be smtp://[user@]host:port?tls=starttls|implicit|none"}},
		"smtp.url of another tls":     {required + "\nsmtp: {url: 'smtp://mail.example.com?tls=maybe'}", []string{"smtp.url must be smtp://"}},
		"a password in smtp.url":      {required + "\nsmtp: {url: 'smtp://acme:s3cret@mail.example.com'}", []string{"smtp.url holds a password", "smtp.existingSecret"}},
		"a user without a Secret":     {required + "\nsmtp: {url: 'smtp://acme@mail.example.com'}", []string{"smtp.existingSecret", "set both or neither"}},
		"a Secret without a user":     {required + "\nsmtp: {url: 'smtp://mail.example.com', existingSecret: x}", []string{"smtp.existingSecret", "set both or neither"}},
		"two mail servers":            {required + "\nsmtp: {url: 'smtp://mail.example.com', urlKey: url, existingSecret: x}", []string{"smtp.url and smtp.urlKey say the same"}},
		"a name in EHLO of two words": {required + "\nsmtp: {helo: 'mail example'}", []string{"at '/smtp/helo'", "pattern"}},
		"a key of no Secret":          {required + "\nsmtp: {urlKey: url}", []string{"smtp.urlKey is a key of the Secret that smtp.existingSecret names"}},

		"a user in events.url":         {required + "\nevents: {url: 'https://u:s3cret@crm.example.com'}", []string{"events.url must not hold a user or a password", "events.existingSecret"}},
		"events.url of another scheme": {required + "\nevents: {url: 'ftp://crm.example.com/s3cret'}", []string{"events.url must be an address such as https://"}},
		"mail.from of no address":      {required + "\nmail: {from: 'Bad <x'}", []string{`mail.from must be a sender such as "Acme Partners <partners@acme.example>", and is "Bad <x"`}},
		"an address as name in EHLO":   {required + "\nsmtp: {helo: 192.0.2.1}", []string{"smtp.helo must be the name of a host"}},
		"a port of too many digits":    {required + "\nsmtp: {url: 'smtp://mail.example.com:99999'}", []string{"smtp.url must be smtp://"}},
		"a host of a brand, no name":   {required + "\n---\nportal: {brandHosts: [a..b]}", []string{`portal.brandHosts holds "a..b"`}},
		"a host of a brand, no port":   {required + "\n---\nportal: {brandHosts: ['brand.example:99999']}", []string{`portal.brandHosts holds "brand.example:99999"`}},
		"a network of brands":          {required + "\nsmtp: {brandHosts: [10.20.0.0/33]}", []string{`smtp.brandHosts holds "10.20.0.0/33"`}},
		"a proxy of too many bits":     {required + "\n---\nportal: {trustedProxies: [10.0.0.0/33]}", []string{`portal.trustedProxies holds "10.0.0.0/33"`}},
		"a sign-in for two hours":      {required + "\n---\nportal: {signInLifetime: 2h}", []string{"portal.signInLifetime is 2h: write whole minutes from 1m to 1h"}},
		"two receivers":                {required + "\nevents: {url: 'https://crm.example.com', existingSecret: x}", []string{"events.url and events.existingSecret say the same"}},
		"alerts without metrics":       {required + "\nprometheus: {rules: {enabled: true}}\nmetrics: {enabled: false}", []string{"need metrics.enabled"}},
		"policies without an action":   {required + "\npolicy: {validationActions: []}", []string{"at '/policy/validationActions'"}},
		"a route to no Gateway":        {required + "\nhttpRoute: {enabled: true}", []string{"httpRoute.parentRefs is required"}},
		"a variable of a value":        {required + "\nmanager: {env: [{name: PARTNER_OPERATOR_PORTAL_URL, value: x}]}", []string{"manager.env sets PARTNER_OPERATOR_PORTAL_URL, which is set by a value of its own"}},
		"a value that there is not":    {required + "\nmanager: {replica: 3}", []string{"at '/manager': additional properties 'replica' not allowed"}},
		"a section that there is not":  {required + "\nmanger: {replicas: 3}", []string{"additional properties 'manger' not allowed"}},
		"replicas of no number":        {required + "\nmanager: {replicas: many}", []string{"at '/manager/replicas': got string, want integer"}},
		"another mail mode":            {required + "\nmail: {mode: pause}", []string{"at '/mail/mode': value must be one of 'send', 'hold', 'log'"}},
		"an argument that is no flag":  {required + "\nmanager: {args: [start]}", []string{"at '/manager/args/0'"}},
		"a variable without a name":    {required + "\nmanager: {env: [{value: x}]}", []string{"at '/manager/env/0': missing property 'name'"}},
		"no ports in a network policy": {required + "\nnetworkPolicy: {enabled: true, smtpPorts: []}", []string{"at '/networkPolicy/smtpPorts': minItems: got 0, want 1"}},
		"a number as a label":          {required + "\nmanager: {podLabels: {a: 1}}", []string{"at '/manager/podLabels/a': got number, want string"}},
		"a digest that is none":        {required + "\nmanager: {image: {digest: latest}}", []string{"at '/manager/image/digest'"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := template(t, strings.Split(test.values, "\n---\n")...)
			if err == nil {
				t.Fatal("it was rendered")
			}
			for _, want := range test.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%q tells the password", err)
			}
		})
	}
}
