package mailservers

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/internal/delivery"
)

// eximRecipes are lines of Exim's access lists, which count on a port of their own. What Exim says of its own accord has no
// enhanced code.
func eximRecipes() map[string]recipe {
	return map[string]recipe{
		"an unknown user": {
			says: "rcpt: deny !local_parts = mara\n message = Unknown user", given: toNobody,
			class: delivery.Recipient, stage: delivery.StageRecipient, code: 550, words: "Unknown user",
		},
		// Without an enhanced code the recipient is taken for what is refused. Several in a row that are refused alike are not.
		"a relay that is not permitted": {
			says: "rcpt: deny !domains = partner.example\n message = relay not permitted", given: elsewhere,
			class: delivery.Recipient, stage: delivery.StageRecipient, code: 550, words: "relay not permitted",
		},
		"a sender that is not verified": {
			says: "rcpt: deny !verify = sender", class: delivery.Recipient, stage: delivery.StageRecipient, code: 550, words: "Sender verify failed",
		},
		"a block list at the connection": {
			says: "connect: deny message = listed in zen.example", class: delivery.Refused, stage: delivery.StageGreeting, code: 550, words: "listed in",
		},
		"a name in HELO without a domain": {
			says: "helo: deny condition = ${if match{$sender_helo_name}{\\\\.}{no}{yes}}\n message = HELO is no name", given: calledPod,
			class: delivery.Refused, stage: delivery.StageHello, code: 550, words: "HELO is no name",
		},
		"a sender at MAIL": {
			says: "mail: deny message = 5.7.1 sender not allowed", class: delivery.Refused, stage: delivery.StageSender, code: 550, words: "sender not allowed",
		},
		"greylisting": {
			says: "rcpt: defer message = greylisted", class: delivery.Temporary, stage: delivery.StageRecipient, code: 451, words: "greylisted",
		},
		"a full mailbox": {
			says: "rcpt: deny message = 552 5.2.2 Mailbox full", class: delivery.Temporary, stage: delivery.StageRecipient, code: 552, words: "Mailbox full",
		},
		"spam": {
			says: "data: deny message = this looks like spam", class: delivery.Ambiguous, stage: delivery.StageContent, code: 550, words: "spam",
		},
		"busy after DATA": {
			says: "data: defer message = try again", class: delivery.Temporary, stage: delivery.StageContent, code: 451, words: "try again",
		},
	}
}

// exim is an Exim of its own folders and ports, which keeps what it takes in its queue.
type exim struct {
	folder string
	ports  map[string]int
}

func startExim(t *testing.T, recipes map[string]recipe) *exim {
	t.Helper()
	programs := unpacked(t, "exim")
	x := &exim{folder: temporary(t), ports: map[string]int{"": freePort(t)}}
	lists := map[string]string{"connect": "", "helo": "", "mail": "", "rcpt": "", "data": ""}
	ports := []string{strconv.Itoa(x.ports[""])}
	for _, name := range slices.Sorted(maps.Keys(recipes)) {
		x.ports[name] = freePort(t)
		ports = append(ports, strconv.Itoa(x.ports[name]))
		when, says, _ := strings.Cut(recipes[name].says, ": ")
		verb, rest, _ := strings.Cut(says, " ")
		lists[when] += fmt.Sprintf("%s condition = ${if eq{$received_port}{%d}}\n %s\n", verb, x.ports[name], rest)
	}
	lists["data"] += fmt.Sprintf("defer condition = ${if exists{%s/busy}}\n message = busy\n", x.folder)
	var config strings.Builder
	fmt.Fprintf(&config, `primary_hostname = mail.partner.example
spool_directory = %[1]s/spool
log_file_path = %[1]s/%%slog
pid_file_path = %[1]s/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = %[2]s
tls_advertise_hosts =
host_lookup =
helo_allow_chars = _
queue_only
`, x.folder, strings.Join(ports, " : "))
	for _, when := range slices.Sorted(maps.Keys(lists)) {
		fmt.Fprintf(&config, "acl_smtp_%[1]s = %[1]s\n", when)
	}
	config.WriteString("begin acl\n")
	for _, when := range slices.Sorted(maps.Keys(lists)) {
		fmt.Fprintf(&config, "%s:\n%saccept\n", when, lists[when])
	}
	config.WriteString("begin routers\nours:\n driver = accept\n domains = partner.example\n transport = nowhere\nbegin transports\nnowhere:\n driver = appendfile\n file = /dev/null\n")
	write(t, x.folder+"/exim4.conf", config.String())
	// Exim runs as a user that its packages make. In a mount namespace of its own it is there without them.
	for _, file := range []string{"passwd", "group"} {
		text, err := os.ReadFile("/etc/" + file)
		if err != nil {
			t.Fatal(err)
		}
		entry := map[string]string{"passwd": "Debian-exim:x:29999:29999::/:/bin/false\n", "group": "Debian-exim:x:29999:\n"}[file]
		write(t, x.folder+"/"+file, string(text)+entry)
	}
	if err := os.Mkdir(x.folder+"/spool", 0o750); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{x.folder, x.folder + "/spool"} {
		if err := os.Chown(folder, 29999, 29999); err != nil {
			t.Fatal(err)
		}
	}
	// Exim starts itself again as that user, who can read nothing in root's cache.
	if err := os.CopyFS(x.folder+"/libraries", os.DirFS(programs+"/usr/lib/x86_64-linux-gnu")); err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(programs + "/usr/sbin/exim4")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(x.folder+"/exim", binary, 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	run(t, x.ports[""], []string{"LD_LIBRARY_PATH=" + x.folder + "/libraries"}, "unshare", "-m", "sh", "-c",
		"mount --bind $0/passwd /etc/passwd && mount --bind $0/group /etc/group && exec $0/exim -bdf -C $0/exim4.conf", x.folder)
	return x
}

// taken is how many mails Exim has taken.
func (x *exim) taken(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob(x.folder + "/spool/input/*-H")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func TestExim(t *testing.T) {
	recipes := eximRecipes()
	x := startExim(t, recipes)
	for name, r := range recipes {
		t.Run(name, func(t *testing.T) { r.check(t, x.ports[name]) })
	}
	if x.taken(t) != 0 {
		t.Errorf("it took %d of the mails that it refused", x.taken(t))
	}
	t.Run("a mail that it could not take at first is there once", func(t *testing.T) {
		write(t, x.folder+"/busy", "")
		if o := send(t, to(x.ports[""]), german(1)); o.Class != delivery.Temporary || o.Stage != delivery.StageContent {
			t.Errorf("while it is busy: %+v", o)
		}
		if err := os.Remove(x.folder + "/busy"); err != nil {
			t.Fatal(err)
		}
		if o := send(t, to(x.ports[""]), german(1)); o.Class != delivery.Accepted {
			t.Errorf("then: %+v", o)
		}
		if x.taken(t) != 1 {
			t.Errorf("it has taken %d mails", x.taken(t))
		}
	})
}
