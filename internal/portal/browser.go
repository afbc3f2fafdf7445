package portal

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/token"
)

// browserLifetime is how long a browser is known in which somebody signed in.
const browserLifetime = 180 * 24 * time.Hour

// repeatsPerMinute is how many requests for one address are held against nobody else, of a browser that asked before.
const repeatsPerMinute = 2

// knownBrowser is what a sealed cookie tells of a browser in which somebody signed in.
type knownBrowser struct {
	// ID is the same in each browser of one person, and tells nobody who that is.
	ID   string    `json:"i"`
	Time time.Time `json:"t"`
}

// browserID is the ID of the browsers of a person in a tenant. It is made of the address, and not at random for each
// browser, so that signing in over and over gives nobody more than one bucket.
func (s *Server) browserID(namespace, email string) string {
	return s.Keys.Current().Marks("browser/"+namespace, email)[0]
}

// rememberBrowser lets a browser be known in which somebody has just signed in.
func (s *Server) rememberBrowser(w http.ResponseWriter, namespace, email string) {
	text, _ := json.Marshal(knownBrowser{s.browserID(namespace, email), s.Now()}) // a struct of a string and a time always marshals
	cookie := s.cookie(token.PurposeBrowser, namespace)                           //nolint:gosec // s.cookie sets the attributes
	cookie.Value = s.Keys.Current().Seal(token.PurposeBrowser, namespace, text)
	cookie.MaxAge = int(browserLifetime.Seconds())
	http.SetCookie(w, cookie)
}

// signedInBefore is the ID of a browser in which somebody signed in, now or before; false: nobody did.
func (s *Server) signedInBefore(r *http.Request, namespace string) (id string, known bool) {
	if cookie, err := r.Cookie(s.cookie(token.PurposeBrowser, namespace).Name); err == nil {
		var opened knownBrowser
		text, ok := s.Keys.Current().Unseal(token.PurposeBrowser, namespace, cookie.Value)
		if ok && json.Unmarshal(text, &opened) == nil && opened.ID != "" && s.Now().Sub(opened.Time) <= browserLifetime {
			return opened.ID, true
		}
	}
	signedIn, ok := s.openSession(r, namespace)
	if !ok {
		return "", false
	}
	return s.browserID(namespace, signedIn.Address), true
}

// mayAsk counts a request that sends mail, and tells whether it is allowed, and if not, after how long it will be. People
// behind one address must not lock each other out, so a browser in which somebody signed in is counted by itself. One
// that asked for the same address before may do so once more where its client may not, but all such browsers of a client
// together get no more than the client has anyway: everybody can get such a cookie.
func (s *Server) mayAsk(r *http.Request) (bool, time.Duration) {
	namespace, client := r.PathValue("ns"), s.client(r)
	if id, known := s.signedInBefore(r, namespace); known {
		return s.clients.allow("browser/" + namespace + "/" + id)
	}
	ok, wait := s.clients.allow(client)
	if ok {
		return true, 0
	}
	asked, before := s.readCookie(r, token.PurposeSignInRequest, namespace, requestLifetime)
	if !before || !address.Equal(asked.Address, r.PostForm.Get("email")) {
		return false, wait
	}
	if ok, wait := s.asked.allow(namespace + "/" + address.Normalize(asked.Address)); !ok {
		return false, wait
	}
	return s.repeats.allow(client)
}
