package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net"
	netmail "net/mail"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/courier"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/webhook"
)

// options is the configuration of the operator, from flags and the environment.
type options struct {
	kubeconfig        string
	operatorNamespace string
	leaderElect       bool
	concurrency       int

	// runControllers and runPortal tell which parts run; at least one does.
	runControllers, runPortal bool
	// namespaces are those that are watched; none: all.
	namespaces []string

	portal         link.Base
	portalAddress  string
	trustedProxies []netip.Prefix
	maxConnections int
	clientRate     int
	logClients     bool
	addressRate    int
	// includeSubdomains lets Strict-Transport-Security speak of the subdomains, too.
	includeSubdomains bool

	signInLifetime, sessionLifetime, sessionIdle time.Duration

	metricsAddress string
	metricsSecure  bool
	probeAddress   string
	// pprofAddress is where profiles are served, on loopback; empty: nowhere.
	pprofAddress string

	smtp     smtp.Config
	useSMTP  bool
	mailFrom *netmail.Address
	mailRate float64
	mailMode courier.Mode
	// brandSMTPHosts are the places where mail servers of brands may be.
	brandSMTPHosts smtp.Hosts
	// requireSenderDomains: a brand claims no sender and no host that its Namespace does not list.
	requireSenderDomains bool

	receiver *webhook.Receiver

	log zap.Options
}

// environmentPrefix and a flag's name in capitals make the name of the variable that sets it.
const environmentPrefix = "PARTNER_OPERATOR_"

// parseOptions reads the flags, and for those that are not given the environment. Its errors name the flag and fit on
// one line. The error flag.ErrHelp means that help was printed.
func parseOptions(args []string, environment func(string) (string, bool), help io.Writer) (options, error) {
	o := options{runControllers: true, runPortal: true, mailMode: courier.ModeSend, log: logging()}
	var portalURL, proxies, smtpURL, mailFrom, eventsURL string
	f := flag.NewFlagSet("partner-operator", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.kubeconfig, "kubeconfig", "", "`file` that tells how to reach the API server; unset: $KUBECONFIG, in a pod its ServiceAccount, else ~/.kube/config")
	f.StringVar(&o.operatorNamespace, "operator-namespace", "", "`namespace` of the signing keys and the leader lease; unset: $POD_NAMESPACE, else partner-operator-system")
	f.Func("components", "`controllers,portal`: the parts that run in this process, to run them apart, with fewer rights each (default controllers,portal)", o.setComponents)
	f.Func("namespaces", "`names` of the namespaces to watch, such as acme,globex; the portal knows no other. Unset: all", o.setNamespaces)
	f.BoolVar(&o.leaderElect, "leader-elect", false, "let only one of several replicas run the controllers; the portal runs on all")
	f.IntVar(&o.concurrency, "concurrency", 16, "how many mails of a namespace are handed over at once")
	f.StringVar(&portalURL, "portal-url", "", "public `address` of the portal, the base of every link, such as https://partners.example.com; required")
	f.StringVar(&o.portalAddress, "portal-bind-address", ":8080", "`address` that the portal listens on")
	f.StringVar(&proxies, "trusted-proxies", "", "`networks` whose X-Forwarded-For is believed, such as 10.0.0.0/8,192.168.1.7/32; unset: none")
	f.IntVar(&o.maxConnections, "max-connections", 4096, "how many connections to the portal there may be at a time, of which one client may hold a quarter; 0: any number")
	f.IntVar(&o.clientRate, "client-rate", 10, "how many requests that send mail a client may make in a minute; 0: any number")
	f.IntVar(&o.addressRate, "address-rate", 2, "how many sign-in mails of one address may be asked for in a minute, by whomever; more wait their turn, and the answer is the same; 0: any number")
	f.BoolVar(&o.includeSubdomains, "hsts-include-subdomains", false, "let Strict-Transport-Security speak of all subdomains of the portal's host, too; only where all are on https")
	f.BoolVar(&o.logClients, "log-clients", true, "log the addresses of clients in the audit lines of the portal; false: leave them out")
	f.DurationVar(&o.signInLifetime, "sign-in-lifetime", signin.DefaultLinkLifetime, "how long a sign-in link works, `1m to 1h` in whole minutes")
	f.DurationVar(&o.sessionLifetime, "session-lifetime", signin.DefaultSessionLifetime, "how long somebody stays signed in to the portal, at least `1m`")
	f.DurationVar(&o.sessionIdle, "session-idle", 0, "after how long without a request a session ends, at least `1m`; 0: it lasts --session-lifetime")
	f.StringVar(&o.metricsAddress, "metrics-bind-address", ":8443", "`address` that metrics are served on; 0: nowhere")
	f.BoolVar(&o.metricsSecure, "metrics-secure", true, "serve metrics over https to callers whom the API server authorizes; false: http for everybody")
	f.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "`address` that /healthz and /readyz are served on")
	f.Func("pprof-bind-address", "`address` on loopback that profiles of this process are served on, such as 127.0.0.1:6060; unset: nowhere", o.setPprofAddress)
	o.mailFlags(f, &smtpURL, &mailFrom)
	f.StringVar(&eventsURL, "events-url", "", "`address` that gets a CloudEvent of all that happens to partners, such as https://crm.example.com/hooks/partners; unset: nobody does")
	o.log.BindFlags(f)

	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		printHelp(f, help)
		return o, err
	} else if err != nil {
		return o, fmt.Errorf("%w (--help lists the flags)", err)
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q (--help lists the flags)", f.Arg(0))
	}
	if err := fromEnvironment(f, environment); err != nil {
		return o, err
	}
	if err := o.completeEvents(eventsURL); err != nil {
		return o, err
	}
	return o, o.complete(portalURL, proxies, smtpURL, mailFrom, environment)
}

// mailFlags are those of how mail is sent.
func (o *options) mailFlags(f *flag.FlagSet, smtpURL, mailFrom *string) {
	f.StringVar(smtpURL, "smtp-url", "", "mail server, as `smtp://[user@]host:port?tls=starttls|implicit|none`; unset: no mail is sent, and invites wait")
	f.StringVar(&o.smtp.PasswordFile, "smtp-password-file", "", "`file` with the password of the user in --smtp-url; it is read for each connection")
	f.StringVar(&o.smtp.Helo, "smtp-helo", "", "`name` that the operator gives itself in EHLO, to mail servers of brands, too, such as mail.example.com; unset: the host of --portal-url if it has a dot, else the domain of the sender")
	f.StringVar(&o.smtp.CAFile, "smtp-ca-file", "", "`file` with certificates in PEM that may vouch for the mail server in --smtp-url, beside those of the system; it is read for each connection")
	f.StringVar(mailFrom, "mail-from", "", "`sender` of all mail, such as «Acme Partners <partners@acme.example>»; unset: no-reply at the host of --portal-url")
	f.Func("brand-smtp-hosts", "`hosts` and networks where mail servers of brands may be, such as mail.example.com,10.20.0.0/16, on any port. Unset: public addresses, on the ports 25, 465, 587 and 2525", func(list string) (err error) {
		o.brandSMTPHosts, err = smtp.ParseHosts(list)
		return err
	})
	f.BoolVar(&o.requireSenderDomains, "require-sender-domains", false, "let a brand send over the operator's mail server from domains only that the annotation partner-operator.io/sender-domains of its Namespace lists, and use hosts only that partner-operator.io/portal-hosts lists")
	f.Float64Var(&o.mailRate, "mail-rate", 0, "most mails per second to each mail server; 0: any number")
	f.Func("mail-mode", "`send|hold|log`: hold keeps all mail back, for restores and first syncs; log does too, and logs what would be sent (default send)", func(text string) error {
		o.mailMode = courier.Mode(text)
		if o.mailMode != courier.ModeSend && o.mailMode != courier.ModeHold && o.mailMode != courier.ModeLog {
			return errors.New("it can be send, hold or log")
		}
		return nil
	})
}

// The names of the parts.
const (
	controllersComponent = "controllers"
	portalComponent      = "portal"
)

// setComponents tells which parts run.
func (o *options) setComponents(list string) error {
	o.runControllers, o.runPortal = false, false
	for name := range strings.SplitSeq(list, ",") {
		switch strings.TrimSpace(name) {
		case controllersComponent:
			o.runControllers = true
		case portalComponent:
			o.runPortal = true
		default:
			return errors.New("it can be controllers, portal or controllers,portal")
		}
	}
	return nil
}

// setPprofAddress tells where profiles are served. Whoever reaches that address may let the process compute for as long as
// they like, and nobody asks them who they are: so it is on loopback.
func (o *options) setPprofAddress(address string) error {
	o.pprofAddress = ""
	if address == "" || address == "0" {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	ip, _ := netip.ParseAddr(host)
	if err != nil || host != "localhost" && !ip.IsLoopback() {
		return errors.New("it has to be on loopback, such as 127.0.0.1:6060; kubectl port-forward reaches it there")
	}
	o.pprofAddress = address
	return nil
}

// setNamespaces tells which namespaces are watched.
func (o *options) setNamespaces(list string) error {
	o.namespaces = nil
	if strings.TrimSpace(list) == "" {
		return nil
	}
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if len(validation.IsDNS1123Label(name)) > 0 {
			return fmt.Errorf("%q is no name of a namespace; write names such as acme,globex, or leave it out to watch all", name)
		}
		if !slices.Contains(o.namespaces, name) {
			o.namespaces = append(o.namespaces, name)
		}
	}
	return nil
}

// fromEnvironment sets the flags that were not given.
func fromEnvironment(f *flag.FlagSet, environment func(string) (string, bool)) (err error) {
	given := map[string]bool{}
	f.Visit(func(set *flag.Flag) { given[set.Name] = true })
	f.VisitAll(func(unset *flag.Flag) {
		name := environmentName(unset.Name)
		value, found := environment(name)
		if !found || given[unset.Name] || err != nil {
			return
		}
		if cause := f.Set(unset.Name, value); cause != nil {
			err = fmt.Errorf("invalid value %q for environment variable %s: %w", value, name, cause)
		}
	})
	return err
}

func environmentName(flagName string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// complete judges what the flags said.
func (o *options) complete(portalURL, proxies, smtpURL, mailFrom string, environment func(string) (string, bool)) (err error) {
	if portalURL == "" {
		return errors.New("--portal-url is required: the public address of the portal, such as https://partners.example.com")
	}
	if o.portal, err = link.ParseBase(portalURL); err != nil {
		return fmt.Errorf("--portal-url %w", err)
	}
	if o.concurrency < 1 {
		return errors.New("--concurrency must be at least 1")
	}
	if o.clientRate < 0 || o.addressRate < 0 || math.IsNaN(o.mailRate) || o.mailRate < 0 {
		return errors.New("--client-rate, --address-rate and --mail-rate must not be negative; 0 means any number")
	}
	if o.maxConnections < 0 {
		return errors.New("--max-connections must not be negative; 0 means any number")
	}
	if err := o.completeSessions(); err != nil {
		return err
	}
	if err := o.completeProxies(proxies); err != nil {
		return err
	}
	if o.operatorNamespace == "" {
		o.operatorNamespace = "partner-operator-system"
		if namespace, found := environment("POD_NAMESPACE"); found && namespace != "" {
			o.operatorNamespace = namespace
		}
	}
	return o.completeMail(smtpURL, mailFrom)
}

// completeProxies reads the networks of the proxies that are trusted.
func (o *options) completeProxies(proxies string) error {
	for network := range strings.SplitSeq(proxies, ",") {
		if network = strings.TrimSpace(network); network == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return fmt.Errorf("--trusted-proxies holds %q; write networks such as 10.0.0.0/8,192.168.1.7/32", network)
		}
		o.trustedProxies = append(o.trustedProxies, prefix)
	}
	return nil
}

// completeSessions judges for how long sign-in links and sessions last.
func (o *options) completeSessions() error {
	switch {
	case o.signInLifetime < signin.ShortestLinkLifetime || o.signInLifetime > signin.LongestLinkLifetime || o.signInLifetime%time.Minute != 0:
		return fmt.Errorf("--sign-in-lifetime is %s; write whole minutes from 1m to 1h, such as 15m", o.signInLifetime)
	case o.sessionLifetime < time.Minute:
		return fmt.Errorf("--session-lifetime is %s; write 1m or more, such as 720h", o.sessionLifetime)
	case o.sessionIdle != 0 && o.sessionIdle < time.Minute:
		return fmt.Errorf("--session-idle is %s; write 1m or more, such as 24h, or 0 to let idle sessions go on", o.sessionIdle)
	}
	return nil
}

// completeEvents judges where events go. The address may hold a secret, so no error tells it.
func (o *options) completeEvents(eventsURL string) (err error) {
	if eventsURL == "" {
		return nil
	}
	if o.receiver, err = webhook.ParseURL(eventsURL); err != nil {
		return fmt.Errorf("--events-url %w", err)
	}
	return nil
}

// completeMail judges what the flags said about mail. The portal alone sends none, and needs no way to a mail server.
func (o *options) completeMail(smtpURL, mailFrom string) (err error) {
	rest := o.smtp
	if mailFrom == "" {
		host := o.portal.Host()
		if _, err := netip.ParseAddr(host); err == nil {
			host = "localhost" // an address without a name cannot stand behind the @
		}
		mailFrom = "no-reply@" + host
	}
	if o.mailFrom, err = address.ParseSender(mailFrom); err != nil {
		return fmt.Errorf("--mail-from %w", err)
	}
	if smtpURL != "" && o.runControllers {
		if o.smtp, err = smtp.ParseURL(smtpURL); err != nil {
			return fmt.Errorf("--smtp-url %w", err)
		}
		if (o.smtp.Username == "") != (rest.PasswordFile == "") {
			return errors.New("--smtp-url with a user and --smtp-password-file go together: set both or neither")
		}
		if rest.PasswordFile != "" {
			if _, err := os.ReadFile(rest.PasswordFile); err != nil {
				return fmt.Errorf("--smtp-password-file cannot be read: %w", err)
			}
		}
		o.useSMTP = true
	}
	o.smtp.PasswordFile = rest.PasswordFile
	return o.completeIdentity(rest)
}

// completeIdentity judges under which name mail servers are greeted, and who vouches for the operator's own.
func (o *options) completeIdentity(given smtp.Config) error {
	o.smtp.Helo, o.smtp.CAFile = given.Helo, given.CAFile
	if given.Helo == "" {
		o.smtp.Helo = smtp.DefaultHelo(o.portal.Host())
	} else if err := smtp.CheckHelo(given.Helo); err != nil {
		return fmt.Errorf("--smtp-helo %w", err)
	}
	if given.CAFile == "" || !o.useSMTP {
		return nil
	}
	content, err := os.ReadFile(given.CAFile)
	if err != nil {
		return fmt.Errorf("--smtp-ca-file cannot be read: %w", err)
	}
	if err := smtp.CheckCA(content); err != nil {
		return fmt.Errorf("--smtp-ca-file %w", err)
	}
	return nil
}

func printHelp(f *flag.FlagSet, w io.Writer) {
	_, _ = fmt.Fprintf(w, "partner-operator runs the partner programs that are declared in a Kubernetes cluster.\n\n"+
		"Each flag can also be set by an environment variable: --portal-url by %s. A flag goes first.\n\n", environmentName("portal-url"))
	f.VisitAll(func(each *flag.Flag) {
		argument, usage := flag.UnquoteUsage(each)
		_, _ = fmt.Fprintf(w, "  --%s %s\n      %s", each.Name, argument, strings.ReplaceAll(usage, "\n", "\n      "))
		if value := withoutZeros(each.DefValue); value != "" && value != "false" && value != "0" {
			_, _ = fmt.Fprintf(w, " (default %s)", value)
		}
		_, _ = fmt.Fprintln(w)
	})
}

// withoutZeros writes a duration as people do: 15m instead of 15m0s, and nothing for 0s.
func withoutZeros(value string) string {
	if value == "0s" {
		return ""
	}
	if strings.HasSuffix(value, "m0s") {
		value = strings.TrimSuffix(value, "0s")
	}
	if strings.HasSuffix(value, "h0m") {
		value = strings.TrimSuffix(value, "0m")
	}
	return value
}
