// Package brand holds the rules of how a company presents itself in mail and on pages. It is pure: the ConfigMap of a
// namespace goes in, what it means comes out.
package brand

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/language"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// ConfigMapName is the name of the ConfigMap that holds the brand of its namespace.
const ConfigMapName = "partner-brand"

// Brand is how the company of a namespace presents itself.
type Brand struct {
	// DisplayName is what mail and pages call the company; empty: they call it nothing.
	DisplayName string
	// LogoURL is the picture that pages show; empty: none. Mail shows none, since it loads nothing from elsewhere.
	LogoURL string
	// Accent is the colour of buttons.
	Accent Color
	// From is the sender of its mail.
	From *mail.Address
	// ReplyTo is where answers to its mail go; nil: to the sender.
	ReplyTo *mail.Address
	// NotifyStaff are the addresses of the people in the company who are told of what waits for them.
	NotifyStaff []string
	// SMTPSecret is the name of the Secret with a mail server of its own; empty: the operator's.
	SMTPSecret string
	// Templates are the names of the ConfigMaps with its own mails, by kind.
	Templates map[v1alpha1.MailKind]string
	// Host is the host, and port if it has one, of the portal for its people; empty: the operator's.
	Host string
	// Locale is the language of its mail.
	Locale language.Tag
}

// Default is the brand of a namespace without one, whose mail comes from this sender.
func Default(from *mail.Address) Brand {
	return Brand{DisplayName: from.Name, From: from, Accent: defaultAccent, Locale: language.English}
}

// templatePrefix and a kind of mail make the key that names a template.
const templatePrefix = "templates."

// parsers take over one key each.
var parsers = map[string]func(*Brand, string) error{
	"displayName": func(b *Brand, text string) (err error) { b.DisplayName, err = line(text); return err },
	"logoURL":     func(b *Brand, text string) (err error) { b.LogoURL, err = picture(text); return err },
	"accentColor": func(b *Brand, text string) (err error) { b.Accent, err = ParseColor(text); return err },
	"mailFrom":    func(b *Brand, text string) (err error) { b.From, err = address.ParseSender(text); return err },
	"replyTo":     func(b *Brand, text string) (err error) { b.ReplyTo, err = address.ParseSender(text); return err },
	"notifyStaff": func(b *Brand, text string) (err error) { b.NotifyStaff, err = staff(text); return err },
	"smtpSecret":  func(b *Brand, text string) (err error) { b.SMTPSecret, err = objectName(text); return err },
	"host":        func(b *Brand, text string) (err error) { b.Host, err = host(text); return err },
	"locale":      func(b *Brand, text string) (err error) { b.Locale, err = locale(text); return err },
}

// Parse reads a ConfigMap. What it leaves out, or leaves empty, comes from the defaults. An error names the first key
// that cannot be used and the remedy; the brand then holds all that can be.
func Parse(data map[string]string, defaults Brand) (Brand, error) {
	b := defaults
	var first error
	for _, key := range slices.Sorted(maps.Keys(data)) {
		text := strings.TrimSpace(data[key])
		if text == "" {
			continue
		}
		was := b
		if err := b.take(key, text); err != nil {
			b = was
			if first == nil {
				first = fmt.Errorf("%s %w", key, err)
			}
		}
	}
	company := strings.TrimSpace(data["displayName"])
	_, err := line(company)
	b.nameSender(err == nil && company != "", defaults)
	return b, first
}

// take reads one key.
func (b *Brand) take(key, text string) error {
	if kind, ok := strings.CutPrefix(key, templatePrefix); ok {
		if !slices.Contains(v1alpha1.MailKinds, v1alpha1.MailKind(kind)) {
			return fmt.Errorf("is for no kind of mail; the kinds are %s", kinds())
		}
		name, err := objectName(text)
		b.Templates = maps.Clone(b.Templates)
		if b.Templates == nil {
			b.Templates = map[v1alpha1.MailKind]string{}
		}
		b.Templates[v1alpha1.MailKind(kind)] = name
		return err
	}
	parse := parsers[key]
	if parse == nil {
		return fmt.Errorf("is not a key of a brand; the keys are %s and %s<kind of mail>", strings.Join(slices.Sorted(maps.Keys(parsers)), ", "), templatePrefix)
	}
	return parse(b, text)
}

// nameSender lets the sender and the company, which is named or goes by the default, share a name where only one has one.
func (b *Brand) nameSender(named bool, defaults Brand) {
	from := b.From != defaults.From
	switch {
	case named && (!from || b.From.Name == ""):
		b.From = &mail.Address{Name: b.DisplayName, Address: b.From.Address}
	case !named && from && b.From.Name != "":
		b.DisplayName = b.From.Name
	case !named && from:
		b.From = &mail.Address{Name: b.DisplayName, Address: b.From.Address}
	}
}

func kinds() string {
	var names []string
	for _, kind := range v1alpha1.MailKinds {
		names = append(names, string(kind))
	}
	return strings.Join(names, ", ")
}

func line(text string) (string, error) {
	if strings.ContainsFunc(text, v1alpha1.IsControl) || utf8.RuneCountInString(text) > 128 {
		return "", errors.New("must be one line of at most 128 characters")
	}
	return text, nil
}

func picture(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || !hasHost(u) || u.User != nil || len(text) > 2048 {
		return "", errors.New("must be an https address of a picture, such as https://acme.example/logo.svg")
	}
	return u.String(), nil
}

func staff(text string) ([]string, error) {
	const most = 10
	var addresses []string
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		part = strings.TrimSpace(part)
		same := func(other string) bool { return address.Equal(part, other) }
		if part == "" || slices.ContainsFunc(addresses, same) {
			continue
		}
		if len(addresses) == most {
			return nil, fmt.Errorf("holds more than %d addresses; one of them can be a mailing list", most)
		}
		if _, err := address.Deliverable(part); err != nil {
			return nil, fmt.Errorf("holds an address that %w", err)
		}
		addresses = append(addresses, part)
	}
	return addresses, nil
}

// objectName is the name of a ConfigMap or Secret.
func objectName(text string) (string, error) {
	if len(validation.IsDNS1123Subdomain(text)) > 0 {
		return "", errors.New("must be the name of an object in this namespace")
	}
	return text, nil
}

func host(text string) (string, error) {
	u, err := url.Parse("https://" + text)
	if err != nil || u.Host != text || !hasHost(u) {
		return "", errors.New("must be a host without a scheme or a path, such as partners.acme.example")
	}
	return text, nil
}

// hasHost tells whether an address has a host that there can be, and if it has a port, such a port.
func hasHost(u *url.URL) bool {
	if port, err := strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16); err != nil || port == 0 || strings.HasSuffix(u.Host, ":") {
		return false
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return true
	}
	ascii, err := idna.Lookup.ToASCII(u.Hostname())
	return err == nil && len(validation.IsDNS1123Subdomain(ascii)) == 0
}

func locale(text string) (language.Tag, error) {
	tag, err := language.Parse(text)
	if err != nil {
		return language.Tag{}, errors.New("must be a language such as en, de or pt-BR")
	}
	return tag, nil
}

// LogoOrigin is where the logo is loaded from, such as https://cdn.acme.example, as headers write it; empty: there is none.
func (b Brand) LogoOrigin() string {
	u, err := url.Parse(b.LogoURL)
	if b.LogoURL == "" || err != nil {
		return ""
	}
	if ascii, err := idna.Lookup.ToASCII(u.Hostname()); err == nil {
		return "https://" + strings.Replace(u.Host, u.Hostname(), ascii, 1)
	}
	return "https://" + u.Host // an IP address
}

// MessageDomain is what stands behind the @ of the Message-IDs of its mail.
func (b Brand) MessageDomain() string {
	_, domain, _ := strings.Cut(b.From.Address, "@")
	return domain
}
