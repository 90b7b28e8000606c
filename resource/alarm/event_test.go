package alarm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stoker-project/stoker"
	"github.com/stoker-project/stoker/stack"
)

const eventTemplate = `
heat_template_version: 2018-08-31
resources:
  group:
    type: OS::Heat::AutoScalingGroup
    properties: {min_size: 1, max_size: 9, resource: {type: OS::Heat::RandomString}}
  up:
    type: OS::Heat::ScalingPolicy
    properties: {adjustment_type: change_in_capacity, auto_scaling_group_id: {get_resource: group}, scaling_adjustment: 1}
  made:
    type: OS::Aodh::EventAlarm
    properties:
      event_type: orchestration.stack.*.end
      query:
        - {field: traits.name, op: ne, value: shop}
        - {field: name, value: other}
        - {field: traits.state, value: CREATE_COMPLETE}
        - {field: generated, type: datetime, op: gt, value: "1999-01-01T00:00:00"}
      repeat_actions: %REPEAT%
      alarm_actions: [{get_attr: [up, signal_url]}, "http://elsewhere/"]
outputs:
  size: {value: {get_attr: [group, current_size]}}
`

// other makes a stack of the same name in a project, and deletes it again.
func (s *story) other(project stoker.ProjectID) {
	s.t.Helper()
	in := stack.Input{Name: "other", Project: project}
	in.Spec.Template = "heat_template_version: 2018-08-31"
	st, err := s.e.Create(s.t.Context(), in)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.e.Await(s.t.Context(), st.ID); err != nil {
		s.t.Fatal(err)
	}
	if err := s.e.Delete(s.t.Context(), st.ID); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.e.Await(s.t.Context(), st.ID); err != nil {
		s.t.Fatal(err)
	}
}

// TestScalingByEvents acts on what another stack of the project does, each time or once.
func TestScalingByEvents(t *testing.T) {
	for repeat, sizes := range map[string][2]int64{"true": {2, 4}, "false": {2, 2}} {
		tellOf(t, strings.Replace(eventTemplate, "%REPEAT%", repeat, 1), func(s *story) {
			s.want("nothing has happened", s.after(1), int64(1))
			s.other("q")
			s.want("in another project", s.after(1), int64(1))
			s.other("p")
			s.want("once", s.after(1), sizes[0])
			s.other("p")
			s.pause(time.Second) // a group that is being scaled takes no signal
			s.other("p")
			s.want("three times", s.after(1), sizes[1])
			if got := s.actor.posts(); !strings.HasPrefix(got, "http://elsewhere/ ok alarm") || strings.Count(got, "alarm alarm") != int(sizes[1]-2) {
				t.Errorf("repeat %s: got posts %s", repeat, got)
			}
			if err := s.e.Delete(s.t.Context(), s.id); err != nil {
				t.Fatal(err)
			}
			s.after(1)
			before := s.actor.posts()
			s.other("p")
			s.after(1)
			s.want("deleted", s.actor.posts(), before)
		})
	}
}

// TestEventActionsThatFail are tried again for half a minute, and later events are not lost.
func TestEventActionsThatFail(t *testing.T) {
	template := strings.NewReplacer("%REPEAT%", "true", "{get_attr: [up, signal_url]}, ", "").Replace(eventTemplate)
	fail := func(s *story, err error) {
		s.actor.mu.Lock()
		defer s.actor.mu.Unlock()
		s.actor.err, s.actor.posted = err, nil
	}
	tellOf(t, template, func(s *story) {
		fail(s, stoker.Errorf(stoker.Unavailable, "not now"))
		s.other("p")
		s.other("p")
		s.pause(5 * time.Second)
		if got := strings.Count(s.actor.posts(), "http"); got != 3 {
			t.Errorf("%d tries in five seconds, want 3: %s", got, s.actor.posts())
		}
		fail(s, nil)
		s.after(1)
		s.want("both", s.actor.posts(), "http://elsewhere/ ok alarm, http://elsewhere/ alarm alarm")
		fail(s, stoker.Errorf(stoker.Unavailable, "never"))
		s.other("p")
		s.after(10)
		if got := strings.Count(s.actor.posts(), "http"); got != 6 {
			t.Errorf("%d tries, want 6: %s", got, s.actor.posts())
		}
	})
}
