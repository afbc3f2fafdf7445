// Package browser is what a person does with a browser, for the demo and the suites: open links, fill in forms, keep
// cookies.
package browser

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// Person is somebody with a browser of their own. It keeps cookies and does not follow redirects by itself.
type Person struct {
	// Address is where the person is, as a proxy in front of the portal would tell it; empty: not told.
	Address string

	client *http.Client
}

// NewPerson is a person who was never here before.
func NewPerson() *Person { return NewPersonBehind(nil) }

// NewPersonBehind is a person who was never here before, and reaches every host over what dial connects to; nil: directly.
func NewPersonBehind(dial func(ctx context.Context, network, address string) (net.Conn, error)) *Person {
	jar, _ := cookiejar.New(nil) // never fails without options
	client := &http.Client{
		Jar:           jar,
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if dial != nil {
		client.Transport = &http.Transport{DialContext: dial, DisableKeepAlives: true}
	}
	return &Person{client: client}
}

// Page is what the browser got.
type Page struct {
	// Code is the status code.
	Code int
	// Location is where it leads to, absolute; empty: nowhere.
	Location string
	// Header and Body are the answer's.
	Header http.Header
	Body   string
}

// Get opens an address.
func (p *Person) Get(ctx context.Context, address string) (Page, error) {
	return p.Do(ctx, http.MethodGet, address, nil, nil)
}

// Post sends a form the way a browser does: with the Origin of the page that it stands on.
func (p *Person) Post(ctx context.Context, address string, form url.Values) (Page, error) {
	if form == nil {
		form = url.Values{}
	}
	return p.Do(ctx, http.MethodPost, address, form, nil)
}

// Do makes any request. The header goes over what a browser would send.
func (p *Person) Do(ctx context.Context, method, address string, form url.Values, header http.Header) (Page, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return Page{}, err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", request.URL.Scheme+"://"+request.URL.Host)
	}
	if p.Address != "" {
		request.Header.Set("X-Forwarded-For", p.Address)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := p.client.Do(request)
	if err != nil {
		return Page{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	location := ""
	if to, err := response.Location(); err == nil {
		location = to.String()
	}
	return Page{response.StatusCode, location, response.Header, string(body)}, err
}

// Steal gives somebody else the cookies that this person has for an address.
func (p *Person) Steal(address string) (*Person, error) {
	from, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	thief := NewPerson()
	thief.client.Jar.SetCookies(from, p.client.Jar.Cookies(from))
	return thief, nil
}

// Cookies are those that this person has for an address, as a browser sends them.
func (p *Person) Cookies(address string) string {
	to, err := url.Parse(address)
	if err != nil {
		return ""
	}
	var all []string
	for _, cookie := range p.client.Jar.Cookies(to) {
		all = append(all, cookie.Name+"="+cookie.Value)
	}
	return strings.Join(all, "; ")
}

// Wants tells whether a page has this status code and shows these texts; nil: it does.
func (got Page) Wants(code int, texts ...string) error {
	if got.Code != code {
		return fmt.Errorf("the portal answered %d, not %d", got.Code, code)
	}
	for _, text := range texts {
		if !strings.Contains(got.Body, text) {
			return fmt.Errorf("the page does not show %q", text)
		}
	}
	return nil
}
