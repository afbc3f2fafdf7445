-- Health of the kinds of partner-operator.io, which follow kstatus: status.observedGeneration, Stalled, Reconciling, Ready.
-- Whoever waits for a person is Healthy: an invite may wait for weeks, and must not keep a sync from going on.
local health = {status = "Progressing", message = "waiting for the operator"}
local status = obj.status or {}
if status.observedGeneration ~= obj.metadata.generation then
  return health
end
local found = {}
for _, condition in ipairs(status.conditions or {}) do
  found[condition.type] = condition
end
local ready = found.Ready
if found.Stalled and found.Stalled.status == "True" then
  health.status, health.message = "Degraded", found.Stalled.message
elseif found.Reconciling and found.Reconciling.status == "True" then
  health.message = found.Reconciling.message
elseif ready and ready.status == "True" then
  health.status, health.message = "Healthy", ready.message
elseif ready then
  health.message = ready.message
end
return health
