package delivery

import (
	"strconv"
	"strings"
	"time"
)

// What a circuit remembers is bounded, whatever number of mails wait: a mail that is forgotten is judged as if it had never
// been refused, which costs it some tries and no more.
const (
	mostRefusals = 1000 // mails that were refused
	mostWaiting  = 100  // mails that wait while it is open, of which the next one is chosen
	mostDomains  = 100  // recipient domains that were refused while it is open
)

// refusal is what a circuit remembers of a mail that was refused and may have been at fault or not.
type refusal struct {
	began   time.Time // its latest try
	answers int       // how often the answer was Ambiguous
	blamed  bool      // another mail was accepted between two of its refusals
	suspect bool      // the circuit is suspect for it
}

// refusals are the mails that were refused, at most mostRefusals.
type refusals map[mailID]*refusal

// note remembers that a mail was refused in a try that began at a time.
func (r *refusals) note(id mailID, began time.Time) *refusal {
	if *r == nil {
		*r = refusals{}
	}
	noted := (*r)[id]
	if noted == nil {
		if len(*r) >= mostRefusals {
			r.forgetOldest()
		}
		noted = &refusal{}
		(*r)[id] = noted
	}
	noted.began = began
	return noted
}

func (r *refusals) forgetOldest() {
	var oldest mailID
	var began time.Time
	for id, noted := range *r {
		if began.IsZero() || noted.began.Before(began) {
			oldest, began = id, noted.began
		}
	}
	delete(*r, oldest)
}

// absolve lets the mails begin anew, since it was not them: what came before counts as one answer at most.
func (r *refusals) absolve() {
	for _, noted := range *r {
		noted.answers, noted.blamed = min(noted.answers, 1), false
	}
}

// unsuspect forgets for which mails the circuit was suspect.
func (r *refusals) unsuspect() {
	for _, noted := range *r {
		noted.suspect = false
	}
}

// run are refusals of different recipients with no accepted mail in between, alike but for addresses, the latest last. It
// keeps no more than it needs.
type run struct {
	answer  string
	refused []runTry
}

type runTry struct {
	Try
	began time.Time
}

// longestRun is how many refusals a run needs at most.
const longestRun = 5

// add puts a refusal at the end of the run, or begins another if it is not like those before.
func (r *run) add(answer string, t runTry) {
	if r.answer != answer {
		*r = run{answer: answer}
	}
	kept := r.refused[:0:0]
	for _, before := range r.refused {
		if before.Recipient != t.Recipient {
			kept = append(kept, before)
		}
	}
	kept = append(kept, t)
	r.refused = kept[max(len(kept)-longestRun, 0):]
}

func (r *run) domains() int {
	found := map[string]bool{}
	for _, t := range r.refused {
		found[t.Domain] = true
	}
	return len(found)
}

// signature is an answer of a mail server without what it says of the one mail: words with an address or a number in them.
func signature(t Try, o Outcome) string {
	kept := []string{string(o.Stage), strconv.Itoa(o.Code), o.Enhanced}
	domain := strings.ToLower(t.Domain)
	for _, word := range strings.Fields(strings.ToLower(o.Message)) {
		if !strings.ContainsAny(word, "@*0123456789") && (domain == "" || !strings.Contains(word, domain)) {
			kept = append(kept, word)
		}
	}
	return strings.Join(kept, " ")
}

// blamesRecipient tells that an enhanced code says that the recipient is at fault. One that ends in .0.0 says nothing.
func blamesRecipient(o Outcome) bool {
	return o.Enhanced != "" && !strings.HasSuffix(o.Enhanced, ".0.0")
}
