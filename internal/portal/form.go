package portal

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/form"
)

// problemView is a line of the summary of what is wrong, which leads to the field.
type problemView struct {
	ID, Label, Text string
}

// fieldView is how a page shows a field of an application form.
type fieldView struct {
	Name, Label, Hint string
	// Kind is the element: input, textarea, select or checkbox.
	Kind string
	// Type, InputMode and Autocomplete are what HTML calls so; empty: left out.
	Type, InputMode, Autocomplete string
	MaxLength                     int
	Required                      bool
	Options                       []optionView
	// Value is what was typed, and Problem what is wrong with it.
	Value, Problem string
}

// ID is the anchor of the field; those of its hint and its error go with it. No field name makes two of them the same.
func (f fieldView) ID() string      { return "field-" + f.Name }
func (f fieldView) HintID() string  { return "hint-" + f.Name }
func (f fieldView) ErrorID() string { return "error-" + f.Name }

// DescribedBy are the hint and the error, as far as there are any.
func (f fieldView) DescribedBy() string {
	switch {
	case f.Hint != "" && f.Problem != "":
		return f.HintID() + " " + f.ErrorID()
	case f.Hint != "":
		return f.HintID()
	case f.Problem != "":
		return f.ErrorID()
	default:
		return ""
	}
}

// Ticked tells whether a checkbox was ticked.
func (f fieldView) Ticked() bool { return f.Value == string(form.Ticked) || f.Value == "on" }

// optionView is one choice of a field.
type optionView struct{ Value, Label string }

// countryOptions are the choices of a country.
var countryOptions = func() []optionView {
	options := make([]optionView, 0, len(form.Countries))
	for _, country := range form.Countries {
		options = append(options, optionView{country.Code, country.Name})
	}
	return options
}()

// inputs is how each type of field is shown.
var inputs = map[v1alpha1.FormFieldType]fieldView{
	v1alpha1.FieldText:     {Kind: "input", Type: "text", MaxLength: form.MaxText},
	v1alpha1.FieldLongText: {Kind: "textarea", MaxLength: form.MaxLongText},
	v1alpha1.FieldEmail:    {Kind: "input", Type: "email", InputMode: "email", Autocomplete: "email", MaxLength: form.MaxEmail},
	v1alpha1.FieldURL:      {Kind: "input", Type: "url", InputMode: "url", Autocomplete: "url", MaxLength: form.MaxURL, Hint: "Such as https://example.com"},
	v1alpha1.FieldPhone:    {Kind: "input", Type: "tel", InputMode: "tel", Autocomplete: "tel", MaxLength: form.MaxPhone, Hint: "Such as +49 30 1234567"},
	v1alpha1.FieldSelect:   {Kind: "select"},
	v1alpha1.FieldCountry:  {Kind: "select", Autocomplete: "country", Options: countryOptions},
	v1alpha1.FieldCheckbox: {Kind: "checkbox"},
}

// completed are the names of text fields that browsers know how to fill in.
var completed = map[v1alpha1.FormFieldName]bool{
	"name": true, "given-name": true, "family-name": true, "organization": true, "organization-title": true,
	"street-address": true, "address-line1": true, "address-line2": true, "address-level1": true, "address-level2": true,
	"postal-code": true, "country-name": true,
}

// viewOfField shows a field with what was typed into it.
func viewOfField(field v1alpha1.FormField, submitted url.Values, problem string) fieldView {
	view := inputs[field.Type]
	view.Name, view.Label, view.Required = string(field.Name), string(field.Label), field.Required
	view.Value, view.Problem = submitted.Get(string(field.Name)), problem
	if (field.Type == v1alpha1.FieldText || field.Type == v1alpha1.FieldLongText) && completed[field.Name] {
		view.Autocomplete = string(field.Name)
	}
	for _, option := range field.Options {
		view.Options = append(view.Options, optionView{string(option), string(option)})
	}
	return view
}

// viewsOf shows the fields of a form, and sums up what is wrong with them.
func viewsOf(fields []v1alpha1.FormField, submitted url.Values, problems map[string]string) (views []fieldView, summary []problemView) {
	for _, field := range fields {
		view := viewOfField(field, submitted, problems[string(field.Name)])
		views = append(views, view)
		if view.Problem != "" {
			summary = append(summary, problemView{view.ID(), view.Label, view.Problem})
		}
	}
	return views, summary
}

// parsed reads the form of a request. If it cannot be read, the answer is given.
func (s *Server) parsed(w http.ResponseWriter, r *http.Request) bool {
	err := r.ParseForm()
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		s.notice(w, r, http.StatusBadRequest, notice{
			Title: "This form is too long",
			Text:  "Please go back and shorten what you typed.",
		})
	case err != nil:
		s.badForm(w, r)
	}
	return err == nil
}
