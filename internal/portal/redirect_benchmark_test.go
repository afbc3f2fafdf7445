package portal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/lookup"
)

// BenchmarkRedirect compares following a shared link with the bare redirect of net/http, in the same run, over the same
// connections: the metric ratio is how much of its rate is reached.
func BenchmarkRedirect(b *testing.B) {
	for _, links := range []int{10, 100_000} {
		b.Run(fmt.Sprintf("links=%d", links), func(b *testing.B) { compareRedirects(b, links) })
	}
}

func compareRedirects(b *testing.B, links int) {
	ours := httptest.NewServer(serving(b, links).Handler())
	defer ours.Close()
	bare := httptest.NewServer(http.RedirectHandler("https://acme.example/start?lang=en&ref=link-1#top", http.StatusFound))
	defer bare.Close()
	const turns = 10
	took := map[*httptest.Server]time.Duration{}
	each := b.N/turns + 1
	b.ResetTimer()
	for range turns { // by turns, so that a busy machine is unfair to both
		for _, server := range []*httptest.Server{bare, ours} {
			began := time.Now()
			openAll(b, server.Listener.Addr().String(), links, each)
			took[server] += time.Since(began)
		}
	}
	b.ReportMetric(float64(took[bare])/float64(took[ours]), "ratio")
	b.ReportMetric(float64(turns*each)/took[ours].Seconds(), "redirects/s")
	b.ReportMetric(float64(turns*each)/took[bare].Seconds(), "bare/s")
}

// openAll opens links over many connections, with a client that costs little beside the server.
func openAll(b *testing.B, address string, links, count int) {
	b.Helper()
	const connections = 20
	var all sync.WaitGroup
	for c := range connections {
		all.Go(func() {
			if err := openMany(address, links, c, count/connections+1); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}

func openMany(address string, links, seed, count int) error {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	answers := textproto.NewReader(bufio.NewReader(connection))
	for i := range count {
		if _, err := fmt.Fprintf(connection, "GET /r/acme/link-%d HTTP/1.1\r\nHost: partners.example.com\r\n\r\n", (seed*7919+i*104729)%links); err != nil {
			return err
		}
		if err := redirected(answers); err != nil {
			return err
		}
	}
	return nil
}

// redirected reads one answer.
func redirected(answers *textproto.Reader) error {
	status, err := answers.ReadLine()
	if err != nil || !strings.Contains(status, " 302 ") {
		return fmt.Errorf("the answer is %q, %w", status, err)
	}
	for {
		line, err := answers.ReadLineBytes()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			return nil
		}
		if length, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if n, _ := strconv.Atoi(string(length)); n > 0 {
				defer func() { _, _ = io.CopyN(io.Discard, answers.R, int64(n)) }()
			}
		}
	}
}

// serving is a portal whose cache was filled with so many links, and a tenth as many partners, as an API server would.
func serving(b *testing.B, links int) *Server {
	b.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			b.Fatal(err)
		}
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	for kind := range scheme.AllKnownTypes() {
		mapper.Add(kind, meta.RESTScopeNamespace)
	}
	config := &rest.Config{Host: "http://api.invalid", Transport: lists(contents(links))}
	filled, err := cache.New(config, cache.Options{Scheme: scheme, Mapper: mapper, DefaultTransform: cache.TransformStripManagedFields()})
	if err != nil {
		b.Fatal(err)
	}
	if err := lookup.AddIndexes(b.Context(), filled); err != nil {
		b.Fatal(err)
	}
	go func() { _ = filled.Start(b.Context()) }()
	if !filled.WaitForCacheSync(b.Context()) {
		b.Fatal("the cache was not filled")
	}
	cluster, err := client.New(config, client.Options{Scheme: scheme, Mapper: mapper, Cache: &client.CacheOptions{Reader: filled}})
	if err != nil {
		b.Fatal(err)
	}
	base, err := link.ParseBase("https://partners.example.com")
	if err != nil {
		b.Fatal(err)
	}
	book := &brandbook.Book{Cache: cluster, Live: cluster, Default: brand.Default(&mail.Address{Address: "partners@acme.example"})}
	return New(Options{Client: cluster, Live: cluster, Base: base, Book: book, Now: time.Now})
}

// contents is what lists give, by resource.
func contents(links int) map[string]client.ObjectList {
	program := v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "referral"}, Spec: v1alpha1.ProgramSpec{
		DisplayName: "Acme Referral", Links: v1alpha1.ProgramLinks{Destination: "https://acme.example/start?lang=en#top"},
	}}
	group := v1alpha1.PartnerGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "gold"}, Spec: v1alpha1.PartnerGroupSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, DisplayName: "Gold",
	}}
	var partnerships v1alpha1.PartnershipList
	for i := range links/10 + 1 {
		partner := partnershipFor(fmt.Sprintf("partner-%d", i), fmt.Sprintf("partner-%d@example.com", i))
		partner.Status.State = v1alpha1.PartnershipActive
		partnerships.Items = append(partnerships.Items, *partner)
	}
	var all v1alpha1.PartnerLinkList
	for i := range links {
		all.Items = append(all.Items, *linkFor(fmt.Sprintf("link-%d", i), fmt.Sprintf("partner-%d", i/10)))
	}
	return map[string]client.ObjectList{
		"programs": &v1alpha1.ProgramList{Items: []v1alpha1.Program{program}}, "partnergroups": &v1alpha1.PartnerGroupList{Items: []v1alpha1.PartnerGroup{group}},
		"partnerships": &partnerships, "partnerlinks": &all, "partnerinvites": &v1alpha1.PartnerInviteList{}, "partnerteams": &v1alpha1.PartnerTeamList{},
	}
}

// lists answers as an API server that gives lists, and in whose watches nothing happens.
type lists map[string]client.ObjectList

func (l lists) RoundTrip(r *http.Request) (*http.Response, error) {
	resource := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r}
	list, known := l[resource]
	switch {
	case !known, r.URL.Query().Has("sendInitialEvents"):
		answer.StatusCode, answer.Body = http.StatusNotFound, io.NopCloser(strings.NewReader(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`))
		return answer, nil
	case r.URL.Query().Has("watch"):
		reader, writer := io.Pipe()
		go func() {
			<-r.Context().Done()
			_ = writer.Close()
		}()
		answer.Body = reader
		return answer, nil
	}
	list.SetResourceVersion("1")
	text, err := json.Marshal(list)
	answer.Body = io.NopCloser(bytes.NewReader(text))
	return answer, err
}
