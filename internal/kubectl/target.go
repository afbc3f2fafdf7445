package kubectl

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/internal/address"
)

// Selection is how a person says which objects a verb is about: by names or mail addresses, by a label selector, or by a
// file. One of them.
type Selection struct {
	// Names are names of objects, as in ada or pship/ada, or mail addresses: all objects about that person.
	Names []string
	// Selector is a label selector.
	Selector string
	// Files hold manifests, or names line by line; - is Input.
	Files []string
	// Program keeps only what is about that program; empty: everything.
	Program string
	// Input is the standard input.
	Input io.Reader
}

// target is one object that was asked for, or why it cannot be had.
type target[T client.Object] struct {
	name   string
	object T
	err    error
}

// several tells whether the selection can be of more than one object.
func (s Selection) several() bool {
	return len(s.Names) > 1 || s.Selector != "" || len(s.Files) > 0
}

func (s Selection) validate(what string) error {
	ways := 0
	for _, given := range []bool{len(s.Names) > 0, s.Selector != "", len(s.Files) > 0} {
		if given {
			ways++
		}
	}
	switch {
	case ways == 0:
		return fmt.Errorf("say which: names of %s or mail addresses, -l SELECTOR, or -f FILE", what)
	case ways > 1:
		return errors.New("names, -l and -f exclude each other; give one of them")
	}
	_, err := labels.Parse(s.Selector)
	return err
}

// find finds what was selected, in the order in which it was named, each once.
func find[T client.Object](ctx context.Context, d Desk, kind kindOf[T], s Selection) ([]target[T], error) {
	if err := s.validate(kind.plural); err != nil {
		return nil, err
	}
	if s.Selector != "" {
		return labelled(ctx, d, kind, s)
	}
	keys, err := s.keys(d.Namespace, kind.name, kind.called)
	if err != nil {
		return nil, err
	}
	var found []target[T]
	seen := map[client.ObjectKey]bool{}
	for _, key := range keys {
		if seen[key] {
			continue
		}
		seen[key] = true
		if !strings.Contains(key.Name, "@") {
			found = append(found, named(ctx, d, kind, key))
			continue
		}
		theirs, err := addressed(ctx, d, kind, key, s.Program)
		if err != nil {
			return nil, err
		}
		for _, t := range theirs {
			if own := client.ObjectKeyFromObject(t.object); t.err != nil || !seen[own] {
				seen[own] = true
				found = append(found, t)
			}
		}
	}
	return found, nil
}

func labelled[T client.Object](ctx context.Context, d Desk, kind kindOf[T], s Selection) (found []target[T], err error) {
	selector, err := labels.Parse(s.Selector)
	if err != nil {
		return nil, err
	}
	err = kind.each(ctx, d.Client, func(object T) error {
		if s.Program == "" || kind.program(object, s.Program) {
			found = append(found, target[T]{name: object.GetName(), object: object.DeepCopyObject().(T)})
		}
		return nil
	}, client.InNamespace(d.Namespace), client.MatchingLabelsSelector{Selector: selector})
	return found, err
}

// named gets one object by its name.
func named[T client.Object](ctx context.Context, d Desk, kind kindOf[T], key client.ObjectKey) target[T] {
	object := kind.fresh()
	err := d.Client.Get(ctx, key, object)
	if apierrors.IsNotFound(err) {
		err = fmt.Errorf("does not exist in namespace %q", key.Namespace)
	}
	return target[T]{name: key.Name, object: object, err: err}
}

// addressed are the objects about a person.
func addressed[T client.Object](ctx context.Context, d Desk, kind kindOf[T], key client.ObjectKey, program string) (found []target[T], err error) {
	err = kind.each(ctx, d.Client, func(object T) error {
		if address.Equal(kind.address(object), key.Name) && (program == "" || kind.program(object, program)) {
			found = append(found, target[T]{name: object.GetName(), object: object.DeepCopyObject().(T)})
		}
		return nil
	}, client.InNamespace(key.Namespace))
	if err == nil && len(found) == 0 {
		where := ""
		if program != "" {
			where = fmt.Sprintf(" of program %q", program)
		}
		err := fmt.Errorf("there is none%s for this address in namespace %q", where, key.Namespace)
		found = []target[T]{{name: key.Name, object: kind.fresh(), err: err}}
	}
	return found, err
}

// keys are the names that were given, or that stand in the files.
func (s Selection) keys(namespace, kind string, called func(string) bool) (keys []client.ObjectKey, err error) {
	for _, name := range s.Names {
		key, err := keyOf(namespace, name, kind, called)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	for _, file := range s.Files {
		content, err := s.read(file)
		if err != nil {
			return nil, err
		}
		parsed, err := parseKeys(content, namespace, kind, called)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		keys = append(keys, parsed...)
	}
	return keys, nil
}

// keyOf reads ada, pship/ada or an address.
func keyOf(namespace, text, kind string, called func(string) bool) (client.ObjectKey, error) {
	word, name, qualified := strings.Cut(text, "/")
	if !qualified {
		return client.ObjectKey{Namespace: namespace, Name: text}, nil
	}
	if !called(word) {
		return client.ObjectKey{}, fmt.Errorf("%q is not a %s", text, kind)
	}
	return client.ObjectKey{Namespace: namespace, Name: name}, nil
}

// longest is how long a file with objects may be.
const longest = 64 << 20

func (s Selection) read(file string) ([]byte, error) {
	source := s.Input
	if file != "-" {
		opened, err := os.Open(file) //nolint:gosec // the person who runs it names the file
		if err != nil {
			return nil, err
		}
		defer func() { _ = opened.Close() }()
		source = opened
	}
	content, err := io.ReadAll(io.LimitReader(source, longest+1))
	if err == nil && len(content) > longest {
		err = fmt.Errorf("%s is longer than %d MiB", file, longest>>20)
	}
	return content, err
}

// parseKeys reads manifests, or names line by line as kubectl get -o name prints them.
func parseKeys(content []byte, namespace, kind string, called func(string) bool) (keys []client.ObjectKey, err error) {
	if namesOnly(content) {
		for line := range bytes.Lines(content) {
			if text := string(bytes.TrimSpace(line)); text != "" {
				key, err := keyOf(namespace, text, kind, called)
				if err != nil {
					return nil, err
				}
				keys = append(keys, key)
			}
		}
		return keys, nil
	}
	documents := yaml.NewYAMLOrJSONDecoder(bufio.NewReader(bytes.NewReader(content)), 4096)
	for {
		var object unstructured.Unstructured
		switch err := documents.Decode(&object); {
		case errors.Is(err, io.EOF):
			return keys, nil
		case err != nil:
			return nil, err
		case len(object.Object) == 0:
			continue
		}
		visit := func(each *unstructured.Unstructured) error {
			if each.GetKind() != kind {
				return fmt.Errorf("holds the %s %q; the verb is for %s objects", each.GetKind(), each.GetName(), kind)
			}
			key := client.ObjectKeyFromObject(each)
			if key.Namespace == "" {
				key.Namespace = namespace
			}
			keys = append(keys, key)
			return nil
		}
		if !object.IsList() {
			err = visit(&object)
		} else {
			var all *unstructured.UnstructuredList
			if all, err = object.ToList(); err == nil {
				err = visitAll(all.Items, visit)
			}
		}
		if err != nil {
			return nil, err
		}
	}
}

// namesOnly tells whether each line is a name or an address, and not YAML or JSON.
func namesOnly(content []byte) bool {
	for line := range bytes.Lines(content) {
		if text := bytes.TrimSpace(line); bytes.ContainsAny(text, " :{}[]\"#") || bytes.Equal(text, []byte("---")) {
			return false
		}
	}
	return true
}
