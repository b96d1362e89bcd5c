# Plans as targets of your own Makefile. In it:   include path/to/plan.mk
#   make plan-check                   what is missing in any plan
#   make plan-table                   who does what
#   make plan-run-2026-01-15-slugs    do one plan       (and plan-check-NAME, plan-table-NAME)
#   make plan-resume                  go on with every plan that was begun and is not finished
# PLANS names the files, PLAN_RUN_FLAGS what is handed to plan-run.
PLANS ?= $(wildcard docs/plans/*.md)
PLAN_RUN_FLAGS ?=
plan-name = $(basename $(notdir $(1)))
plan-names := $(foreach plan,$(PLANS),$(call plan-name,$(plan)))

.PHONY: plan-check plan-table plan-run plan-resume $(foreach what,check table run resume,$(addprefix plan-$(what)-,$(plan-names)))
plan-check: $(addprefix plan-check-,$(plan-names))
plan-table: $(addprefix plan-table-,$(plan-names))
plan-run: $(addprefix plan-run-,$(plan-names))
plan-resume: $(addprefix plan-resume-,$(plan-names))

# $(1) is the plan's file. One plan at a time: they share the tree.
define plan-targets
plan-check-$(call plan-name,$(1)):
	plan-parse --check '$(1)'
plan-table-$(call plan-name,$(1)):
	plan-parse '$(1)' | "$$$$(dirname "$$$$(command -v plan-parse)")/route" --table
plan-run-$(call plan-name,$(1)):
	plan-run $$(PLAN_RUN_FLAGS) '$(1)'
plan-resume-$(call plan-name,$(1)):
	@if test -s '.plan/$(call plan-name,$(1))/run.jsonl'; then plan-run $$(PLAN_RUN_FLAGS) '$(1)'; else echo "$(1): not begun"; fi
endef
$(foreach plan,$(PLANS),$(eval $(call plan-targets,$(plan))))
.NOTPARALLEL:
