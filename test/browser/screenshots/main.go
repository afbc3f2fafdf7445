// Command screenshots writes a picture of every page of the portal, for a phone and a desk, light and dark, and a page to
// look through them.
package main

import (
	"context"
	"flag"
	"fmt"
	"html/template"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/partner-operator/partner-operator/test/browser"
	"github.com/partner-operator/partner-operator/test/browser/chromium"
)

func main() {
	root := flag.String("root", ".", "the folder of the project")
	into := flag.String("into", "dist/screenshots", "the folder to write to, below that of the project")
	only := flag.String("only", "", "only pages whose names match this regular expression")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, filepath.Join(*root, *into), *only); err != nil {
		fmt.Fprintln(os.Stderr, "screenshots: "+err.Error())
		os.Exit(1)
	}
}

// run takes all pictures. Those of a page that cannot be reached are missing, and the page is named at the end.
func run(ctx context.Context, root, folder, only string) (err error) {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	began := time.Now()
	world, err := browser.Start(ctx, root)
	if err != nil {
		return err
	}
	defer func() {
		if stopped := world.Stop(); err == nil {
			err = stopped
		}
	}()
	var chosen []browser.Page
	for _, p := range browser.All {
		if wanted.MatchString(p.Name) {
			chosen = append(chosen, p)
		}
	}
	shown, failed := takeAll(ctx, world, chosen, folder)
	if err := writeIndex(folder, shown); err != nil {
		return err
	}
	fmt.Printf("%d pages in %s: open %s\n", len(shown), time.Since(began).Round(time.Second), filepath.Join(folder, "index.html"))
	if failed > 0 {
		return fmt.Errorf("%d pages could not be reached", failed)
	}
	return nil
}

// takeAll takes the pictures of pages, a few pages at once, and gives the names of those that have some, in their order,
// and how many have none.
func takeAll(ctx context.Context, world *browser.World, chosen []browser.Page, folder string) (shown []string, failed int) {
	const atOnce = 3
	errs := make([]error, len(chosen))
	next := make(chan int)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for n := range next {
				errs[n] = take(ctx, world, chosen[n], folder)
			}
		})
	}
	for n := range chosen {
		next <- n
	}
	close(next)
	all.Wait()
	for n, err := range errs {
		if err != nil {
			failed++
			fmt.Printf("FAIL  %s: %v\n", chosen[n].Name, err)
			continue
		}
		shown = append(shown, chosen[n].Name)
	}
	return shown, failed
}

// variant is how somebody looks at a page.
type variant struct {
	Width  int64
	Scheme chromium.Scheme
}

var variants = []variant{{320, chromium.Light}, {320, chromium.Dark}, {1024, chromium.Light}, {1024, chromium.Dark}}

// file is the name of a picture.
func (v variant) file(page string) string {
	return fmt.Sprintf("%s.%d.%s.png", page, v.Width, v.Scheme)
}

// take goes to a page and takes its pictures.
func take(ctx context.Context, world *browser.World, p browser.Page, folder string) error {
	visit, err := world.NewVisit(ctx, p.Name)
	if err != nil {
		return err
	}
	defer visit.Close()
	if err := visit.Reach(p); err != nil {
		return err
	}
	for _, v := range variants {
		if err := visit.Tab.SetWidth(v.Width); err != nil {
			return err
		}
		if err := visit.Tab.SetScheme(v.Scheme); err != nil {
			return err
		}
		picture, err := visit.Tab.Picture()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, v.file(p.Name)), picture, 0o644); err != nil {
			return err
		}
	}
	return nil
}

var index = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Pages of the portal</title>
<style>body{font-family:sans-serif;margin:1rem}section{margin-bottom:3rem}div{display:flex;gap:1rem;align-items:flex-start}img{border:1px solid #888;max-width:40vw}</style>
<h1>Pages of the portal</h1>
<ol>{{range .}}<li><a href="#{{.Name}}">{{.Name}}</a>{{end}}</ol>
{{range .}}<section id="{{.Name}}"><h2>{{.Name}}</h2><div>{{range .Files}}<a href="{{.}}"><img src="{{.}}" alt="{{.}}" loading="lazy"></a>{{end}}</div></section>
{{end}}</html>
`))

// writeIndex writes the page to look through the pictures.
func writeIndex(folder string, shown []string) error {
	type entry struct {
		Name  string
		Files []string
	}
	var entries []entry
	for _, name := range shown {
		e := entry{Name: name}
		for _, v := range variants {
			e.Files = append(e.Files, v.file(name))
		}
		entries = append(entries, e)
	}
	file, err := os.Create(filepath.Join(folder, "index.html"))
	if err != nil {
		return err
	}
	if err := index.Execute(file, entries); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
