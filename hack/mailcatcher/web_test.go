package mailcatcher

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// request asks the web page and returns the body of an answer with the wanted status.
func request(t *testing.T, method, url string, status int) string {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil || response.StatusCode != status {
		t.Fatalf("%s %s: got %s (%v), want %d", method, url, response.Status, err, status)
	}
	return string(body)
}

func wantContains(t *testing.T, body string, fragments ...string) {
	t.Helper()
	for _, fragment := range fragments {
		if !strings.Contains(body, fragment) {
			t.Errorf("no %q in:\n%s", fragment, body)
		}
	}
}

func wantLacks(t *testing.T, body string, fragments ...string) {
	t.Helper()
	for _, fragment := range fragments {
		if strings.Contains(body, fragment) {
			t.Errorf("%q in:\n%s", fragment, body)
		}
	}
}

func TestTheListAsJSON(t *testing.T) {
	catcher := start(t, Options{})
	client := connect(t, catcher)
	mustSend(t, client, inviteText(), recipient)
	mustSend(t, client, simpleMail("hello"), "someone.else@partner.test")
	list := catcher.URL() + "/api/messages"

	var messages []map[string]any
	if err := json.Unmarshal([]byte(request(t, http.MethodGet, list, http.StatusOK)), &messages); err != nil {
		t.Fatal(err)
	}
	if len(messages) != 2 || len(messages[0]) != 10 {
		t.Fatalf("got %v", messages)
	}
	for field, want := range map[string]any{
		"id": 1.0, "from": sender, "messageID": "<invite-1@company.test>", "kind": "invite",
		"subject": "Willkommen bei Müller", "html": inviteHTML,
	} {
		if messages[0][field] != want {
			t.Errorf("%s: got %v, want %v", field, messages[0][field], want)
		}
	}
	for query, want := range map[string]int{
		"?to=MARA@partner.test": 1, "?kind=invite": 1, "?kind=revoked": 0, "?kind=invite&to=someone.else@partner.test": 0,
	} {
		var found []Message
		if err := json.Unmarshal([]byte(request(t, http.MethodGet, list+query, http.StatusOK)), &found); err != nil {
			t.Fatal(err)
		}
		if len(found) != want {
			t.Errorf("%s: got %d, want %d", query, len(found), want)
		}
	}
}

func TestAnEmptyListIsNotNull(t *testing.T) {
	catcher := start(t, Options{})
	if body := request(t, http.MethodGet, catcher.URL()+"/api/messages", http.StatusOK); body != "[]\n" {
		t.Errorf("got %q", body)
	}
	wantContains(t, request(t, http.MethodGet, catcher.URL(), http.StatusOK), "No mail yet")
}

func TestDeleteEmptiesTheInbox(t *testing.T) {
	catcher := start(t, Options{})
	mustSend(t, connect(t, catcher), simpleMail("hello"), recipient)
	request(t, http.MethodDelete, catcher.URL()+"/api/messages", http.StatusNoContent)
	if catcher.Count() != 0 {
		t.Errorf("got %d mails", catcher.Count())
	}
}

func TestTheInboxShowsTheNewestFirst(t *testing.T) {
	catcher := start(t, Options{})
	client := connect(t, catcher)
	for range listedMessages {
		mustSend(t, client, simpleMail("earlier"), recipient)
	}
	mustSend(t, client, inviteText(), recipient)
	body := request(t, http.MethodGet, catcher.URL(), http.StatusOK)
	wantContains(t, body, "Willkommen bei Müller", "mara@partner.test", ">invite<", "and 1 older", `href="/messages/201"`)
	if strings.Index(body, "/messages/201") > strings.Index(body, "/messages/200") {
		t.Error("the newest is not first")
	}
	wantLacks(t, body, `href="/messages/1"`)
}

func TestThePageOfOneMail(t *testing.T) {
	catcher := start(t, Options{})
	mustSend(t, connect(t, catcher), inviteText(), recipient)
	body := request(t, http.MethodGet, catcher.URL()+"/messages/1", http.StatusOK)
	wantContains(t, body,
		`<a href="https://partners.company.test/invite?token=abcdef" target="_blank" rel="noopener">`,
		"Grüße, open",
		`sandbox="allow-popups allow-popups-to-escape-sandbox"`,
		`srcdoc="&lt;base target=&#34;_blank&#34;&gt;&lt;p&gt;Grüße`,
		"<dt>X-Partner-Operator-Mail</dt><dd>invite</dd>",
	)
	raw := request(t, http.MethodGet, catcher.URL()+"/messages/1/raw", http.StatusOK)
	if raw != inviteText() {
		t.Errorf("got %q", raw)
	}
	for _, missing := range []string{"/messages/0", "/messages/2", "/messages/x", "/messages/2/raw", "/other"} {
		request(t, http.MethodGet, catcher.URL()+missing, http.StatusNotFound)
	}
}

func TestThePagesEscapeWhatAMailSays(t *testing.T) {
	catcher := start(t, Options{})
	mail := strings.Join([]string{
		"Subject: <script>alert(1)</script>",
		"X-Partner-Operator-Mail: <script>alert(2)</script>",
		"Message-ID: <script>alert(3)</script>",
		"X-Other: <script>alert(4)</script>",
		"Content-Type: multipart/alternative; boundary=b", "",
		"--b", "Content-Type: text/plain", "",
		"<script>alert(5)</script> https://a.test/'onclick='alert(6)",
		"--b", "Content-Type: text/html", "",
		`"></iframe><script>alert(7)</script>`, "--b--", "",
	}, "\r\n")
	mustSend(t, connect(t, catcher), mail, recipient)
	for _, path := range []string{"/", "/messages/1"} {
		body := request(t, http.MethodGet, catcher.URL()+path, http.StatusOK)
		wantContains(t, body, "&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(2)&lt;/script&gt;", "</html>")
		wantLacks(t, body, "<script", `"></iframe><`, "'onclick")
	}
}

func TestWithoutAWebPageThereIsNoURL(t *testing.T) {
	catcher := start(t, Options{HTTPAddress: "-"})
	if catcher.URL() != "" {
		t.Errorf("got %q", catcher.URL())
	}
	mustSend(t, connect(t, catcher), simpleMail("hello"), recipient)
}
