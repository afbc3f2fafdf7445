package mail_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// wire stands between the sender and a plain catcher. It hears each line that the sender says, and can answer a command
// itself or hang up, where the catcher would answer properly.
type wire struct {
	listener net.Listener
	server   string
	// meddle is asked about each command. It returns the answer, or hangs up; with neither the catcher answers.
	meddle func(command string) (answer string, hangUp bool)

	serving sync.WaitGroup
	mutex   sync.Mutex
	lines   []string
	open    []net.Conn
	// now are the connections over which the sender has not said goodbye, and peak is the most there were.
	now  map[net.Conn]bool
	peak int
}

// tap starts a wire that ends with the test. A nil meddle only listens.
func tap(t testing.TB, server string, meddle func(command string) (answer string, hangUp bool)) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if meddle == nil {
		meddle = func(string) (string, bool) { return "", false }
	}
	w := &wire{listener: listener, server: server, meddle: meddle, now: map[net.Conn]bool{}}
	w.serving.Go(w.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		w.cut()
		w.serving.Wait()
	})
	return w
}

func (w *wire) address() string { return w.listener.Addr().String() }

// said gives the lines that the sender said so far, the mails among them.
func (w *wire) said() []string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return append([]string(nil), w.lines...)
}

// most is how many connections there were at once at most.
func (w *wire) most() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.peak
}

func (w *wire) left(client net.Conn) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	delete(w.now, client)
}

// say writes an answer that nobody asked for to each open connection, and closes it, as a server that goes down does.
func (w *wire) say(farewell string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, conn := range w.open {
		_, _ = io.WriteString(conn, farewell+"\r\n")
		_ = conn.Close()
	}
}

func (w *wire) cut() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, conn := range w.open {
		_ = conn.Close()
	}
}

func (w *wire) accept() {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", w.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		w.mutex.Lock()
		w.open = append(w.open, client, server)
		w.now[client] = true
		w.peak = max(w.peak, len(w.now))
		w.mutex.Unlock()
		w.serving.Go(func() {
			_, _ = io.Copy(client, server)
			_ = client.Close()
		})
		w.serving.Go(func() {
			w.carry(client, server)
			w.left(client)
			_ = client.Close()
			_ = server.Close()
		})
	}
}

// carry passes on what the sender says until one side hangs up.
func (w *wire) carry(client, server net.Conn) {
	reader, mailText := bufio.NewReader(client), false
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\r\n")
		w.mutex.Lock()
		w.lines = append(w.lines, line)
		w.mutex.Unlock()
		if line == "QUIT" { // from its answer on the sender may open another one
			w.left(client)
		}
		if !mailText {
			answer, hangUp := w.meddle(line)
			if hangUp {
				return
			}
			if answer != "" {
				if _, err := io.WriteString(client, answer+"\r\n"); err != nil {
					return
				}
				continue
			}
		}
		mailText = line == "DATA" || mailText && line != "."
		if _, err := io.WriteString(server, line+"\r\n"); err != nil {
			return
		}
	}
}
