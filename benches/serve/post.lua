-- wrk: posts photos as whole bodies, each thread beginning at another one. PHOTOS: paths, one a line.
local photos = {}
for path in os.getenv("PHOTOS"):gmatch("[^\n]+") do
  local file = assert(io.open(path, "rb"))
  photos[#photos + 1] = file:read("*a")
  file:close()
end
local next = 0
function request()
  next = next % #photos + 1
  return wrk.format("POST", "/predict", { ["Content-Type"] = "image/jpeg" }, photos[next])
end
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("RESULT %.1f %.1f %.1f %d %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, errors.status, failed))
end
