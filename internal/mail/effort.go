package mail

import (
	"bytes"
	"slices"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// The parser of Markdown takes time that grows with the square of a text's length where marks are left open, are nested
// or refer to long texts. An effort counts what each mark makes it do, in about nanoseconds, and once there is none left
// nothing is a mark any longer, so that the rest is read as fast as plain words.
const (
	// effortPerByte is a multiple of what plain words need, and of what ordinary marks do.
	effortPerByte = 300
	effortAtLeast = 20_000

	costOfLine      = 40   // a line within a block, for each block around it
	costOfBlock     = 400  // a block
	costOfMark      = 500  // a mark
	costOfTag       = 2000 // a mark that may begin a tag
	costOfSearch    = 2    // a byte in which what ends a mark is searched for
	costOfDelimiter = 5    // a mark of emphasis that is passed by in search of the one that opens it
	costOfLabel     = 2    // a byte between brackets
	costOfName      = 8    // a byte between brackets that may name a link
	costOfReference = 12   // a byte of the address or title of a link
	longestName     = 999
)

var effortKey = parser.NewContextKey()

// effort is what may still be done for one text.
type effort struct {
	left int
	// spentAt is where in the text there was none left; below 0: there still is some.
	spentAt int
	// block is the paragraph that is being read, brackets are where in it those stand that are open, and emphasis is the
	// marks of emphasis that are.
	block    ast.Node
	brackets []int
	emphasis []*parser.Delimiter
}

func newEffort(source string) *effort {
	return &effort{left: effortAtLeast + effortPerByte*len(source), spentAt: -1}
}

// spend reports whether there was enough left.
func (e *effort) spend(cost, at int) bool {
	if e.left -= cost; e.left < 0 && e.spentAt < 0 {
		e.spentAt = max(at, 0)
	}
	return e.left >= 0
}

func effortOf(pc parser.Context) *effort { return pc.Get(effortKey).(*effort) }

// boundedParser is the parser of goldmark with an effort, which its context has to hold.
func boundedParser() parser.Parser {
	blocks, inlines := parser.DefaultBlockParsers(), parser.DefaultInlineParsers()
	for i, each := range blocks {
		blocks[i].Value = boundedBlock{each.Value.(parser.BlockParser)}
	}
	for i, each := range inlines {
		inlines[i].Value = boundedInline{each.Value.(parser.InlineParser)}
	}
	transformers := parser.DefaultParagraphTransformers()
	for i, each := range transformers {
		transformers[i].Value = boundedDefinitions{each.Value.(parser.ParagraphTransformer)}
	}
	return parser.NewParser(parser.WithBlockParsers(blocks...), parser.WithInlineParsers(inlines...), parser.WithParagraphTransformers(transformers...))
}

// boundedBlock bounds what nested lists and quotations cost.
type boundedBlock struct{ parser.BlockParser }

func (b boundedBlock) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	line, at := reader.PeekLine()
	if !effortOf(pc).spend(costOfLine+len(line)/2, at.Start) {
		return nil, parser.NoChildren
	}
	node, state := b.BlockParser.Open(parent, reader, pc)
	if node != nil {
		effortOf(pc).spend(costOfBlock, at.Start)
	}
	return node, state
}

func (b boundedBlock) Continue(node ast.Node, reader text.Reader, pc parser.Context) parser.State {
	if _, at := reader.Position(); !effortOf(pc).spend(costOfLine, at.Start) {
		return parser.Close
	}
	return b.BlockParser.Continue(node, reader, pc)
}

// boundedInline bounds what brackets, emphasis and code cost.
type boundedInline struct{ parser.InlineParser }

func (b boundedInline) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	e := effortOf(pc)
	if e.block != parent {
		e.block, e.brackets, e.emphasis = parent, e.brackets[:0], e.emphasis[:0]
	}
	mark, from := block.Peek(), positionOf(block)
	if !e.spend(costOfMark, from) {
		return nil
	}
	node := b.InlineParser.Parse(parent, block, pc)
	lines := parent.Lines()
	behind := (lines.At(lines.Len()-1).Stop - from) * costOfSearch
	switch found := node.(type) {
	case *parser.Delimiter:
		e.spend(e.passed(found)*costOfDelimiter, from)
	case *ast.Link:
		e.spend(e.closed(from, block, behind)+costOfReference*(len(found.Destination)+len(found.Title)), from)
	case *ast.Image:
		e.spend(e.closed(from, block, behind)+costOfReference*(len(found.Destination)+len(found.Title)), from)
	default:
		switch {
		case mark == ']':
			e.spend(e.closed(from, block, behind), from)
		case mark == '`' && (node == nil || node.Kind() == ast.KindText):
			e.spend(behind, from)
		case mark == '<':
			e.spend(costOfTag, from)
		case node != nil && (mark == '[' || mark == '!'):
			e.brackets = append(e.brackets, from)
		}
	}
	return node
}

func positionOf(block text.Reader) int {
	_, segment := block.Position()
	return segment.Start
}

// closed is what a bracket costs that closes one: what stands between may name a link, and what stands behind may be its
// address.
func (e *effort) closed(from int, block text.Reader, behind int) int {
	if len(e.brackets) == 0 {
		return 0
	}
	label := from - e.brackets[len(e.brackets)-1]
	e.brackets = e.brackets[:len(e.brackets)-1]
	cost := label * costOfLabel
	if positionOf(block) > from+1 { // it has an address
		return cost
	}
	cost += min(label, longestName) * costOfName
	if source := block.Source(); from+1 < len(source) && (source[from+1] == '(' || source[from+1] == '[') {
		cost += behind
	}
	return cost
}

// passed is how many marks of emphasis are passed by in search of the one that a mark closes.
func (e *effort) passed(mark *parser.Delimiter) int {
	if mark.CanClose {
		for i, open := range slices.Backward(e.emphasis) {
			if open.Char == mark.Char && open.Length == mark.Length {
				passed := len(e.emphasis) - i
				e.emphasis = e.emphasis[:i]
				return passed
			}
		}
	}
	passed := len(e.emphasis)
	if mark.CanOpen {
		e.emphasis = append(e.emphasis, mark)
	}
	if !mark.CanClose {
		return 0
	}
	return passed
}

// CloseBlock is what the parser of links does at the end of a paragraph.
func (b boundedInline) CloseBlock(parent ast.Node, block text.Reader, pc parser.Context) {
	if closer, ok := b.InlineParser.(parser.CloseBlocker); ok {
		closer.CloseBlock(parent, block, pc)
	}
}

// boundedDefinitions bounds what definitions of links cost that leave a title open, or are many.
type boundedDefinitions struct{ parser.ParagraphTransformer }

func (b boundedDefinitions) Transform(node *ast.Paragraph, reader text.Reader, pc parser.Context) {
	lines := node.Lines()
	source := reader.Source()
	if first := lines.At(0); !bytes.HasPrefix(bytes.TrimLeft(first.Value(source), " \t"), []byte("[")) {
		return // as the first line is no definition, none is
	}
	e, end := effortOf(pc), lines.At(lines.Len()-1).Stop
	for i := range lines.Len() {
		line := lines.At(i)
		cost := lines.Len() // what stands behind a definition is moved
		if opensTitle(bytes.TrimSpace(line.Value(source))) {
			cost += (end - line.Start) * costOfSearch
		}
		if !e.spend(cost, line.Start) {
			return
		}
	}
	b.ParagraphTransformer.Transform(node, reader, pc)
}

// opensTitle reports whether a line of a definition may begin a title that does not end on it.
func opensTitle(line []byte) bool {
	for i, c := range line {
		if i > 0 && !util.IsSpace(line[i-1]) {
			continue
		}
		switch c {
		case '(':
			c = ')'
		case '"', '\'':
		default:
			continue
		}
		return i == len(line)-1 || line[len(line)-1] != c || bytes.IndexByte(line, '\\') >= 0
	}
	return false
}
