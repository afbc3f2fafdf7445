package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

// soon is how long something may take that happens at once, on a busy machine.
const soon = 30 * time.Second

// Step is something that a person or the company does on the way to a page.
type Step func(*Visit) error

// applies makes objects in the tenant.
func applies(manifests ...string) Step {
	return func(v *Visit) error { return v.apply(manifests...) }
}

func (v *Visit) apply(manifests ...string) error {
	text := strings.Join(manifests, "\n---\n")
	for _, of := range []string{adasReferral, adasReseller} {
		if strings.Contains(text, of) {
			name, err := v.partnership(of)
			if err != nil {
				return err
			}
			text = strings.ReplaceAll(text, of, name)
		}
	}
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if object.Object == nil {
			continue
		}
		object.SetNamespace(v.Tenant)
		if object.GetAPIVersion() == "" {
			object.SetAPIVersion("partner-operator.io/v1alpha1")
		}
		if err := v.API.Create(v.Ctx, object); err != nil {
			return fmt.Errorf("make %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
}

// named is an object of one of our kinds.
func (v *Visit) named(kind, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetAPIVersion("partner-operator.io/v1alpha1")
	object.SetKind(kind)
	object.SetNamespace(v.Tenant)
	object.SetName(name)
	if kind == "Partnership" && strings.Contains(name, "@") {
		if found, err := v.partnership(name); err == nil {
			object.SetName(found)
		} else {
			object.SetName("not-there-yet")
		}
	}
	return object
}

// partnership is the name of the partnership of a person in a program, written ADDRESS/PROGRAM.
func (v *Visit) partnership(of string) (string, error) {
	all := &unstructured.UnstructuredList{}
	all.SetAPIVersion("partner-operator.io/v1alpha1")
	all.SetKind("PartnershipList")
	if err := v.API.List(v.Ctx, all, client.InNamespace(v.Tenant)); err != nil {
		return "", err
	}
	email, program, _ := strings.Cut(of, "/")
	for _, p := range all.Items {
		contact, _, _ := unstructured.NestedString(p.Object, "spec", "contact", "email")
		in, _, _ := unstructured.NestedString(p.Object, "spec", "programRef", "name")
		if strings.EqualFold(contact, email) && in == program {
			return p.GetName(), nil
		}
	}
	return "", fmt.Errorf("there is no partnership of %s", of)
}

// changes patches the spec of an object, as the company does, and waits until the operator knows.
func changes(kind, name, patch string) Step {
	return func(v *Visit) error {
		object := v.named(kind, name)
		if err := v.API.Patch(v.Ctx, object, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
			return err
		}
		return awaits(kind, name, "status.observedGeneration", strconv.FormatInt(object.GetGeneration(), 10))(v)
	}
}

// pretends patches the status of an object, for what would take too long to happen.
func pretends(kind, name, patch string) Step {
	return func(v *Visit) error {
		return v.API.Status().Patch(v.Ctx, v.named(kind, name), client.RawPatch("application/merge-patch+json", []byte(patch)))
	}
}

// awaits waits until a field of an object, such as status.state, has a value.
func awaits(kind, name, field, want string) Step {
	return func(v *Visit) error {
		got := ""
		return v.until(fmt.Sprintf("%s of %s %s is %s", field, kind, name, want), func() (bool, error) {
			object := v.named(kind, name)
			if err := v.API.Get(v.Ctx, client.ObjectKeyFromObject(object), object); client.IgnoreNotFound(err) != nil {
				return false, err
			}
			found, _, err := unstructured.NestedFieldNoCopy(object.Object, strings.Split(field, ".")...)
			got = fmt.Sprint(found)
			return got == want, err
		})
	}
}

// until waits for something that will be so soon.
func (v *Visit) until(what string, is func() (bool, error)) error {
	deadline := time.Now().Add(soon)
	for {
		yes, err := is()
		switch {
		case err != nil || yes:
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("it did not become so that %s", what)
		}
		select {
		case <-v.Ctx.Done():
			return v.Ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// mails are those of a kind to somebody of the tenant that have a link, the oldest first; without a kind, of every kind.
func (v *Visit) mails(address, kind string) []mailcatcher.Message {
	var found []mailcatcher.Message
	for _, mail := range v.Inbox.MessagesTo(address) {
		if (kind == "" || mail.Kind == kind) && len(mail.Links) > 0 && strings.HasPrefix(mail.Links[0], v.url("")) {
			found = append(found, mail)
		}
	}
	return found
}

// Mail waits for the newest mail of a kind to somebody of the tenant that was not taken before.
func (v *Visit) Mail(address, kind string) (mailcatcher.Message, error) {
	ctx, cancel := context.WithTimeout(v.Ctx, soon)
	defer cancel()
	var found mailcatcher.Message
	err := v.Inbox.Wait(ctx, func([]mailcatcher.Message) bool {
		for _, mail := range v.mails(address, kind) {
			if !v.taken[mail.MessageID] {
				found = mail
			}
		}
		return found.MessageID != ""
	})
	if err != nil {
		return found, fmt.Errorf("no %s mail came to %s: %w", kind, address, err)
	}
	v.taken[found.MessageID] = true
	return found, nil
}

// mailed opens the link of the newest mail of a kind to somebody.
func mailed(address, kind string) Step {
	return func(v *Visit) error {
		mail, err := v.Mail(address, kind)
		if err != nil {
			return err
		}
		v.link = mail.Links[0]
		v.Code, err = v.Tab.Open(v.link)
		return err
	}
}

// again opens the link of the newest mail that was opened once more, until the operator knows what has changed: the page
// then has this status code, and shows these words.
func again(code int, words ...string) Step {
	return func(v *Visit) error { return v.openUntil(v.link, code, words...) }
}

// reopens opens a page of the tenant until it shows these words.
func reopens(path string, words ...string) Step {
	return func(v *Visit) error { return v.openUntil(v.url(path), 200, words...) }
}

func (v *Visit) openUntil(address string, code int, words ...string) error {
	return v.until(fmt.Sprintf("%s answers %d with %q", address, code, words), func() (shown bool, err error) {
		if v.Code, err = v.Tab.Open(address); err != nil || v.Code != code {
			return false, err
		}
		text, err := v.Tab.Text()
		for _, each := range words {
			if !strings.Contains(text, each) {
				return false, err
			}
		}
		return true, err
	})
}

// opens opens a page of the tenant.
func opens(path string) Step {
	return func(v *Visit) (err error) {
		v.Code, err = v.Tab.Open(v.url(path))
		return err
	}
}

// joins opens the join link of a group.
func joins(group string) Step {
	return func(v *Visit) error {
		object := v.named("PartnerGroup", group)
		err := v.until("there is a join link", func() (bool, error) {
			if err := v.API.Get(v.Ctx, client.ObjectKeyFromObject(object), object); err != nil {
				return false, err
			}
			v.link, _, _ = unstructured.NestedString(object.Object, "status", "joinURL")
			return v.link != "", nil
		})
		if err != nil {
			return err
		}
		v.Code, err = v.Tab.Open(v.link)
		return err
	}
}

// shared opens a link that somebody shared.
func shared(link string) Step {
	return func(v *Visit) (err error) {
		v.Code, err = v.Tab.Open(v.Portal() + "/r/" + v.Tenant + "/" + link)
		return err
	}
}

// clicks clicks what leads to no other page.
func clicks(words string) Step {
	return func(v *Visit) error { return v.Tab.Click(words) }
}

// follows clicks what leads to another page.
func follows(words string) Step {
	return func(v *Visit) (err error) {
		v.Code, err = v.Tab.Follow(words)
		return err
	}
}

// types types a text into a field.
func types(field, text string) Step {
	return func(v *Visit) error { return v.Tab.Type(field, text) }
}

// ticks ticks a box, or takes the tick away.
func ticks(field string) Step {
	return func(v *Visit) error { return v.Tab.Tick(field) }
}

// chooses chooses an option of a field.
func chooses(field, option string) Step {
	return func(v *Visit) error { return v.Tab.Choose(field, option) }
}

// as lets somebody else act, who has a browser of their own.
func as(person string) Step {
	return func(v *Visit) (err error) {
		if v.Tab = v.tabs[person]; v.Tab == nil {
			v.Tab, err = v.Chromium.NewTab(v.Address)
			v.tabs[person] = v.Tab
		}
		return err
	}
}

// inAnotherBrowser goes on in a browser that was never here before.
var inAnotherBrowser = as("somebody else")

// sees makes sure that the page has this status code, and shows these words.
func sees(code int, words ...string) Step {
	return func(v *Visit) error {
		text, err := v.Tab.Text()
		if err != nil {
			return err
		}
		if v.Code != code {
			return fmt.Errorf("the portal answered %d, not %d: %.300s", v.Code, code, text)
		}
		for _, each := range words {
			if !strings.Contains(text, each) {
				return fmt.Errorf("the page does not show %q: %.300s", each, text)
			}
		}
		return nil
	}
}

// inTurn makes one step of several.
func inTurn(steps ...Step) Step {
	return func(v *Visit) error { return v.Do(steps...) }
}

// signsIn signs somebody in who has access.
func signsIn(address string) Step {
	return inTurn(opens("login"), types("email", address), follows("Send me a link"), mailed(address, "sign-in"), follows("Sign in"))
}

// accepts makes Ada a partner by her invite, and signs her in.
var accepts = inTurn(mailed(ada, "invite"), types("email", ada), follows("Accept the invitation"))
