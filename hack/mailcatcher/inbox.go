package mailcatcher

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Messages returns the mails that were accepted, in order of arrival. What they point to is shared and must not be
// changed.
func (c *Catcher) Messages() []Message { return c.inbox.messages() }

// MessagesTo returns the mails whose envelope names a recipient, compared without case, in order of arrival.
func (c *Catcher) MessagesTo(address string) []Message {
	var found []Message
	for _, letter := range c.inbox.letters() {
		if letter.isTo(address) {
			found = append(found, letter.message())
		}
	}
	return found
}

// Count returns how many mails there are. Unlike Messages it reads none of them.
func (c *Catcher) Count() int { return c.inbox.count() }

// Reset forgets all mails. The IDs of later ones go on from where they were.
func (c *Catcher) Reset() { c.inbox.reset() }

// Wait waits until the mails satisfy a condition, which is asked now and whenever something arrived.
func (c *Catcher) Wait(ctx context.Context, satisfied func([]Message) bool) error {
	return c.inbox.wait(ctx, func() bool { return satisfied(c.inbox.messages()) })
}

// WaitCount waits until there are at least so many mails. Unlike Wait it reads none of them.
func (c *Catcher) WaitCount(ctx context.Context, count int) error {
	return c.inbox.wait(ctx, func() bool { return c.inbox.count() >= count })
}

// inbox keeps the newest mails in order of arrival. Their IDs have no gaps.
type inbox struct {
	limit int

	mu      sync.Mutex
	kept    []*letter
	lastID  int
	changed chan struct{} // closed at the next change; nil while nobody waits
}

func newInbox(limit int) *inbox { return &inbox{limit: limit} }

func (i *inbox) add(from string, to []string, raw []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.lastID++
	if len(i.kept) == i.limit {
		i.kept[0] = nil // Otherwise the memory of the dropped mail would stay in use.
		i.kept = i.kept[1:]
	}
	i.kept = append(i.kept, &letter{id: i.lastID, received: time.Now(), from: from, to: to, raw: raw})
	i.announce()
}

func (i *inbox) reset() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.kept = nil
	i.announce()
}

func (i *inbox) announce() {
	if i.changed != nil {
		close(i.changed)
		i.changed = nil
	}
}

func (i *inbox) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.kept)
}

// letters returns a copy, because add drops mails from the front of what it keeps.
func (i *inbox) letters() []*letter {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]*letter(nil), i.kept...)
}

func (i *inbox) messages() []Message {
	letters := i.letters()
	messages := make([]Message, len(letters))
	for n, letter := range letters {
		messages[n] = letter.message()
	}
	return messages
}

func (i *inbox) find(id int) (*letter, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	position := id - (i.lastID - len(i.kept)) - 1
	if position < 0 || position >= len(i.kept) {
		return nil, false
	}
	return i.kept[position], true
}

// change returns a channel that is closed at the next change.
func (i *inbox) change() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.changed == nil {
		i.changed = make(chan struct{})
	}
	return i.changed
}

func (i *inbox) wait(ctx context.Context, satisfied func() bool) error {
	for {
		changed := i.change() // Before the question, so that a mail that arrives during it is not missed.
		if satisfied() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for mail with %d in the inbox: %w", i.count(), ctx.Err())
		}
	}
}

// letter is a Message that is taken apart when somebody first looks at it, so that receiving it is cheap.
type letter struct {
	id       int
	received time.Time
	from     string
	to       []string
	raw      []byte

	parse  sync.Once
	parsed Message
}

func (l *letter) message() Message {
	l.parse.Do(func() {
		l.parsed = parseMessage(l.raw)
		l.parsed.ID, l.parsed.Received, l.parsed.From, l.parsed.To = l.id, l.received, l.from, l.to
	})
	return l.parsed
}

func (l *letter) isTo(address string) bool {
	for _, to := range l.to {
		if strings.EqualFold(to, address) {
			return true
		}
	}
	return false
}
