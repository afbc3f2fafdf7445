package docs

import (
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
)

// home is the page from which people come to all others, and list the one folder that they read by its list.
const (
	home = "README.md"
	list = "docs/decisions"
)

// linkProblems finds links that lead nowhere, and pages that no link leads to. It asks no network.
func linkProblems(tree fs.FS, pages []*page) (found []string) {
	reached := map[string]bool{home: true}
	for queue := []string{home}; len(queue) > 0; queue = queue[1:] {
		for _, p := range pages {
			if p.file != queue[0] && (queue[0] != list || path.Dir(p.file) != list) {
				continue
			}
			reached[p.file] = true
			for _, l := range p.links {
				if to := p.resolve(l); to != "" && !reached[to] {
					reached[to] = true
					queue = append(queue, to)
				}
			}
		}
	}
	for _, p := range pages {
		for _, l := range p.links {
			if wrong := linkProblem(tree, pages, p, l); wrong != "" {
				found = append(found, problem(p, l.line, "the link %s %s", l.target, wrong))
			}
		}
		if !reached[p.file] {
			found = append(found, problem(p, 1, "no link from %s leads here", home))
		}
	}
	return found
}

// resolve is the file or folder of the project that a link leads to; empty: it leads out of it.
func (p *page) resolve(l link) string {
	to, err := url.Parse(l.target)
	if err != nil || to.Scheme != "" || to.Host != "" {
		return ""
	}
	if to.Path == "" {
		return p.file
	}
	return path.Join(path.Dir(p.file), to.Path)
}

func linkProblem(tree fs.FS, pages []*page, p *page, l link) string {
	to, err := url.Parse(l.target)
	switch {
	case err != nil:
		return "is no address"
	case to.Scheme == "mailto":
		return ""
	case to.Scheme == "http":
		return "is not https"
	case to.Scheme != "" && to.Scheme != "https" || to.Host != "" && to.Scheme == "":
		return "is neither https nor a file of the project"
	case to.Scheme == "https":
		if !strings.Contains(to.Hostname(), ".") || to.User != nil || strings.Contains(to.Host, "..") {
			return "names no host"
		}
		return ""
	}
	file := p.resolve(l)
	if strings.HasPrefix(file, "..") || strings.HasPrefix(to.Path, "/") {
		return "leads out of the project"
	}
	if _, err := fs.Stat(tree, file); err != nil {
		return "leads to no file"
	}
	if to.Fragment == "" {
		return ""
	}
	at := slices.IndexFunc(pages, func(other *page) bool { return other.file == file })
	if at < 0 || !pages[at].anchors[to.Fragment] {
		return "names no heading there"
	}
	return ""
}
