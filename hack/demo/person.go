package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"
)

// person is somebody with a browser: it keeps cookies and does not follow redirects by itself.
type person struct {
	client *http.Client
}

func newPerson() *person {
	jar, _ := cookiejar.New(nil) // never fails without options
	return &person{&http.Client{
		Jar:           jar,
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// page is what a browser got.
type page struct {
	code     int
	location string
	body     string
}

func (p *person) get(ctx context.Context, address string) (page, error) {
	return p.do(ctx, http.MethodGet, address, nil)
}

// post posts a form the way a browser does: with the Origin of the page that it stands on.
func (p *person) post(ctx context.Context, address string, form url.Values) (page, error) {
	return p.do(ctx, http.MethodPost, address, form)
}

func (p *person) do(ctx context.Context, method, address string, form url.Values) (page, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return page{}, err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", request.URL.Scheme+"://"+request.URL.Host)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return page{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	location := ""
	if to, err := response.Location(); err == nil {
		location = to.String()
	}
	return page{response.StatusCode, location, string(body)}, err
}

// wants checks the status code of a page, and that it shows certain texts.
func (got page) wants(code int, texts ...string) error {
	if got.code != code {
		return fmt.Errorf("the portal answered %d, not %d", got.code, code)
	}
	for _, text := range texts {
		if !strings.Contains(got.body, text) {
			return fmt.Errorf("the page does not show %q", text)
		}
	}
	return nil
}
