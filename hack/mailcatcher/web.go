package mailcatcher

import (
	"embed"
	"encoding/json"
	"errors"
	"html/template"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// listedMessages bounds the page, not the JSON: during a benchmark nobody scrolls through all of them.
	listedMessages = 200

	httpTimeout = 10 * time.Second

	// contentPolicy keeps scripts from running, also in the mails, which inherit it. Mails may show images.
	contentPolicy = "script-src 'none'; object-src 'none'"

	// newTab makes the links in a mail open beside the page instead of in its frame.
	newTab = `<base target="_blank">`
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"inNewTab": func(html string) string { return newTab + html },
}).ParseFS(pageFiles, "pages/*.html"))

// page is the web page of a Catcher.
type page struct {
	address string
	inbox   *inbox
	server  *http.Server
	serving sync.WaitGroup
}

func servePage(listener net.Listener, inbox *inbox) *page {
	p := &page{address: listener.Addr().String(), inbox: inbox}
	p.server = &http.Server{
		Handler:           http.NewCrossOriginProtection().Handler(p.routes()),
		ReadHeaderTimeout: httpTimeout,
	}
	p.serving.Go(func() {
		_ = p.server.Serve(listener) // It ends only because the server is closed.
	})
	return p
}

func (p *page) close() error {
	err := p.server.Close()
	p.serving.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *page) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.showInbox)
	mux.HandleFunc("GET /messages/{id}", p.showMessage)
	mux.HandleFunc("GET /messages/{id}/raw", p.showRaw)
	mux.HandleFunc("GET /api/messages", p.listMessages)
	mux.HandleFunc("DELETE /api/messages", p.deleteMessages)
	return mux
}

func (p *page) showInbox(w http.ResponseWriter, _ *http.Request) {
	letters := p.inbox.letters()
	content := struct {
		Total, Older int
		Messages     []Message
	}{Total: len(letters), Older: max(len(letters)-listedMessages, 0)}
	for i := len(letters) - 1; i >= content.Older; i-- {
		content.Messages = append(content.Messages, letters[i].message())
	}
	render(w, "inbox.html", content)
}

func (p *page) showMessage(w http.ResponseWriter, r *http.Request) {
	if letter, ok := p.requested(w, r); ok {
		render(w, "message.html", letter.message())
	}
}

func (p *page) showRaw(w http.ResponseWriter, r *http.Request) {
	letter, ok := p.requested(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(letter.raw) // If the client has left, there is nobody to tell.
}

func (p *page) listMessages(w http.ResponseWriter, r *http.Request) {
	to, kind := r.URL.Query().Get("to"), r.URL.Query().Get("kind")
	messages := []Message{}
	for _, letter := range p.inbox.letters() {
		if to != "" && !letter.isTo(to) {
			continue
		}
		if message := letter.message(); kind == "" || message.Kind == kind {
			messages = append(messages, message)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(messages) // If the client has left, there is nobody to tell.
}

func (p *page) deleteMessages(w http.ResponseWriter, _ *http.Request) {
	p.inbox.reset()
	w.WriteHeader(http.StatusNoContent)
}

// requested returns the mail whose ID is in the path, or answers that there is none.
func (p *page) requested(w http.ResponseWriter, r *http.Request) (*letter, bool) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		http.NotFound(w, r)
		return nil, false
	}
	letter, ok := p.inbox.find(id)
	if !ok {
		http.NotFound(w, r)
	}
	return letter, ok
}

func render(w http.ResponseWriter, name string, content any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", contentPolicy)
	w.Header().Set("Referrer-Policy", "no-referrer")
	_ = pages.ExecuteTemplate(w, name, content) // The tests render both pages; what is left is a client that has left.
}
