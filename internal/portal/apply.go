package portal

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/form"
	"github.com/partner-operator/partner-operator/internal/join"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/token"
)

// applicant is a person whose address is verified: only whoever reads its mail has the link.
type applicant struct {
	namespace, token string
	join.Case
	standing join.Standing
	until    time.Time
}

// withApplicant opens the link of a verification mail, and lets through whoever can apply with it.
func (s *Server) withApplicant(next func(http.ResponseWriter, *http.Request, applicant)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who := applicant{namespace: r.PathValue("ns"), token: r.PathValue("token")}
		verification, ok := s.Keys.Current().OpenVerification(who.namespace, who.token)
		if !s.genuine(w, r, ok) {
			return
		}
		who.Verification = verification
		if err := s.stand(r.Context(), &who); err != nil {
			s.unavailable(w, r, err)
			return
		}
		if who.Group != nil {
			noteObject(r, "PartnerGroup", who.Group.Name)
		}
		if who.standing != join.Welcome && who.standing != join.WelcomeAgain {
			s.turnAway(w, r, who)
			return
		}
		next(w, r, who)
	}
}

// stand finds how an applicant stands now.
func (s *Server) stand(ctx context.Context, who *applicant) (err error) {
	who.Now = s.Now()
	if err := s.findGroup(ctx, who); err != nil {
		return err
	}
	if who.Group != nil && who.Catalog.Unsalted(who.Group.Spec.ProgramRef.Name) {
		if err := lookup.AwaitNameSalts(ctx, s.Client, who.namespace, who.Group.Spec.ProgramRef.Name); err != nil {
			return err
		}
		if err := s.findGroup(ctx, who); err != nil {
			return err
		}
	}
	if who.Group == nil || who.Catalog.Programs[who.Group.Spec.ProgramRef.Name] == nil {
		who.standing = join.Gone
		return nil
	}
	if who.Partnerships, err = s.partnershipsLive(ctx, who); err != nil {
		return err
	}
	if who.Invites, err = lookup.InvitesOf(ctx, s.Client, who.namespace, who.Verification.Address); err != nil {
		return err
	}
	if who.Teams, err = lookup.Memberships(ctx, s.Client, who.namespace, who.Verification.Address); err != nil {
		return err
	}
	of := who.Catalog.Programs[who.Group.Spec.ProgramRef.Name]
	if who.Remembered, err = s.Tombstones.Has(ctx, of, who.Verification.Address); err != nil {
		return err
	}
	who.RememberedInTeam, err = s.Tombstones.HadMember(ctx, of, who.Verification.Address)
	who.standing, who.until = join.Stand(who.Case)
	return err
}

// findGroup finds what an applicant applies to; no group: it is gone.
func (s *Server) findGroup(ctx context.Context, who *applicant) (err error) {
	who.Group = nil
	if who.Catalog, err = lookup.Catalog(ctx, s.Client, who.namespace); err != nil {
		return err
	}
	for _, g := range who.Catalog.Groups {
		if string(g.UID) == who.Verification.Group {
			who.Group = g
		}
	}
	return nil
}

// partnershipsLive are those of the applicant: as the cache has them, and the one that an application makes as the API
// server has it, since it may have been made a moment ago.
func (s *Server) partnershipsLive(ctx context.Context, who *applicant) ([]v1alpha1.Partnership, error) {
	known, err := lookup.PartnershipsOf(ctx, s.Client, who.namespace, who.Verification.Address)
	if err != nil {
		return nil, err
	}
	names, err := accept.Names(join.NewPartnership(join.Application{
		Group: who.Group, Program: who.Catalog.Programs[who.Group.Spec.ProgramRef.Name], Email: who.Verification.Address, Now: who.Now,
	}), who.Catalog)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		fresh := &v1alpha1.Partnership{}
		err := s.Live.Get(ctx, client.ObjectKey{Namespace: who.namespace, Name: name}, fresh)
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, err
		}
		known = slices.DeleteFunc(known, func(p v1alpha1.Partnership) bool { return p.Name == name })
		if err != nil { // an application would be made here
			break
		}
		if partnership.IsOf(fresh, who.Verification.Address) {
			return append(known, *fresh), nil
		}
	}
	return known, nil
}

// turnAway tells an applicant why they cannot apply, and what to do.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, who applicant) {
	if who.standing != join.Gone {
		noteReason(r, string(who.standing))
	}
	switch who.standing {
	case join.TooLate:
		s.notice(w, r, http.StatusGone, notice{
			Title: "This link has expired", Text: "It worked for a day. Open the join link again and type your address, and you get a new one.",
			GoTo: s.joinPathOf(who), GoToAs: "Get a new link",
		})
	case join.Suspended:
		s.pausedProgram(w, r)
	case join.Partner:
		s.notice(w, r, http.StatusConflict, notice{
			Title: "You are a partner already", Text: "There is nothing to apply for with this address.", SignIn: "Sign in",
		})
	case join.TeamPartner:
		s.notice(w, r, http.StatusConflict, notice{
			Title: teamTitle(who) + " is a partner here, and you are in it", Text: "There is nothing to apply for with this address.", SignIn: "Sign in",
		})
	case join.TeamWaiting:
		s.notice(w, r, http.StatusConflict, notice{
			Title: teamTitle(who) + " has not been admitted yet, and you are in it", Text: "Its owner and its admins hear from us. Until then there is nothing for you to do.",
		})
	case join.Waiting:
		s.notice(w, r, http.StatusConflict, notice{
			Title: "Your application has arrived already", Text: "As soon as it is decided, we write to you. Until then there is nothing for you to do.",
		})
	case join.Invited:
		s.notice(w, r, http.StatusConflict, notice{
			Title: "You are invited already", Text: "Look for the invitation in your inbox. If it is lost, ask for it where partners sign in: it is then sent again.", SignIn: "Send it again",
		})
	case join.Ineligible:
		s.notice(w, r, http.StatusForbidden, notice{
			Title: "You cannot apply with this address", Text: "Only addresses of certain domains can.",
			GoTo: s.joinPathOf(who), GoToAs: "Use another address",
		})
	case join.TooSoon:
		s.notice(w, r, http.StatusForbidden, notice{
			Title: "You cannot apply again yet", Text: "You can from " + who.until.UTC().Format("2 January 2006, 15:04 UTC") + " on.",
		})
	case join.Refused:
		s.notice(w, r, http.StatusForbidden, notice{
			Title: "You cannot apply with this address", Text: "If you think that this is a mistake, please write to the company. It can invite you.",
		})
	default:
		s.deadLink(w, r)
	}
}

// teamTitle is what the team is called by which an applicant stands as they do.
func teamTitle(who applicant) string {
	if of := join.Team(who.Case); of != nil {
		return string(of.Spec.DisplayName)
	}
	return "Your team"
}

// joinPathOf is the path of the join link that an applicant came by.
func (s *Server) joinPathOf(who applicant) string {
	text, err := s.Keys.Current().Sign(token.PurposeJoin, "", token.Subject{
		Namespace: who.namespace, UID: who.Verification.Group, Serial: who.Verification.JoinLink,
	})
	if err != nil {
		return ""
	}
	return joinPath(who.namespace, who.Group.Name, text)
}

// applyView is what the page of an applicant shows.
type applyView struct {
	Token, Email string
	Program      programView
	Fields       []fieldView
	Problems     []problemView
}

// applyPage shows the application form.
func (s *Server) applyPage(w http.ResponseWriter, r *http.Request, who applicant) {
	s.showApply(w, r, who, nil, nil)
}

func (s *Server) showApply(w http.ResponseWriter, r *http.Request, who applicant, submitted url.Values, problems map[string]string) {
	view := applyView{
		Token: who.token, Email: who.Verification.Address,
		Program: viewOf(who.Catalog.Programs[who.Group.Spec.ProgramRef.Name], who.Group.Name, who.Catalog),
	}
	view.Fields, view.Problems = viewsOf(join.Fields(who.Group), submitted, problems)
	code, title := http.StatusOK, "Your application"
	if len(problems) > 0 {
		code, title = http.StatusUnprocessableEntity, "Please check your answers"
	}
	s.render(w, r, code, "apply.html", page{Title: title, Body: view})
}

// apply makes the application. Whoever is a partner by it at once is signed in: the link showed that the mail is theirs.
func (s *Server) apply(w http.ResponseWriter, r *http.Request, who applicant) {
	if !s.parsed(w, r) {
		return
	}
	answers, problems := form.Check(join.Fields(who.Group), r.PostForm)
	if len(problems) > 0 {
		s.showApply(w, r, who, r.PostForm, problems)
		return
	}
	made, err := s.makeApplication(r.Context(), &who, answers)
	var obstacle *accept.Obstacle
	switch {
	case errors.As(err, &obstacle):
		s.Accept.Events.Eventf(who.Group, nil, corev1.EventTypeWarning, obstacle.Reason, "Apply", "An application cannot be taken: %s", obstacle.Message)
		s.notice(w, r, http.StatusConflict, notice{
			Title: "We cannot take your application", Text: "The company has to correct something first, and has been told. Please write to it, or apply again in a few days.",
		})
	case errors.Is(err, errTurnedAway):
		s.turnAway(w, r, who)
	case err != nil:
		s.unavailable(w, r, err)
	case partnership.State(made, nil, s.Now()) == v1alpha1.PartnershipActive:
		email := who.Verification.Address
		s.caughtUpWith(r.Context(), made)
		s.startSession(w, r, who.namespace, email)
		http.Redirect(w, r, dashboardPath(who.namespace), http.StatusSeeOther)
	default:
		http.Redirect(w, r, loginPath(who.namespace)+"?applied", http.StatusSeeOther)
	}
}

// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerships,verbs=create;get
// +kubebuilder:rbac:groups=partner-operator.io,resources=partnerships/status,verbs=update

// errTurnedAway tells that the applicant stands otherwise than they did a moment ago.
var errTurnedAway = errors.New("the applicant cannot apply any more")

// The policies of config/policy ask for these verbs whoever makes a partnership.
// +kubebuilder:rbac:groups=partner-operator.io,resources=programs,verbs=invite;approve

// makeApplication creates the partnership, or notes that a rejected person applies again. Of two at once one does: the
// name is the same for both, and what exists is changed only as it was judged.
func (s *Server) makeApplication(ctx context.Context, who *applicant, answers map[string]v1alpha1.Answer) (*v1alpha1.Partnership, error) {
	teams, err := lookup.Teams(ctx, s.Client, who.namespace)
	if err != nil {
		return nil, err
	}
	application := join.Application{
		Group: who.Group, Program: who.Catalog.Programs[who.Group.Spec.ProgramRef.Name], Email: who.Verification.Address,
		Fields: answers, Teams: teams, Now: s.Now(),
	}
	var made *v1alpha1.Partnership
	first := true
	if who.standing == join.WelcomeAgain {
		made, err = s.reapply(ctx, who, application)
	} else {
		made, first, err = accept.Create(ctx, s.Client, s.Live, join.NewPartnership(application), who.Catalog)
	}
	switch {
	case err == nil && first:
		return made, nil
	case err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err):
		return nil, err
	}
	if err := s.stand(ctx, who); err != nil {
		return nil, err
	}
	switch {
	case who.standing == join.Welcome:
		return nil, errors.New("what was in the way of an application is gone again")
	case who.standing == join.Gone && partnership.InProgram(who.Partnerships, who.Group.Spec.ProgramRef.Name) != nil: // of two at once, the second
		who.standing = join.Waiting
	}
	return nil, errTurnedAway
}

// reapply notes that a rejected person applies again, on exactly the copy that was judged.
func (s *Server) reapply(ctx context.Context, who *applicant, application join.Application) (*v1alpha1.Partnership, error) {
	rejected := partnership.InProgram(who.Partnerships, who.Group.Spec.ProgramRef.Name)
	live := &v1alpha1.Partnership{}
	if err := s.Live.Get(ctx, client.ObjectKeyFromObject(rejected), live); err != nil {
		return nil, err
	}
	again := who.Case
	again.Partnerships = []v1alpha1.Partnership{*live}
	if who.standing, who.until = join.Stand(again); who.standing != join.WelcomeAgain {
		return nil, errTurnedAway
	}
	join.Reapply(live, application)
	return live, s.Client.Status().Update(ctx, live)
}
