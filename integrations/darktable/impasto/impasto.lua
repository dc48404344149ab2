--[[
Impasto in darktable: paint the selected images in the style of a painting.

The module exports each image as a 16-bit TIFF with its edits. `impasto edit` paints the file. The module imports it
next to the original, and groups both. It never changes the originals.

`impasto plugins install darktable` installs the module, and writes the command that runs Impasto into installed.json.
]]

local dt = require "darktable"

local IN_THE_BROWSER <const> = "in the browser"
local WINDOWS <const> = dt.configuration.running_os == "windows"
local HERE <const> = debug.getinfo(1, "S").source:sub(2):match("^(.*)[/\\]") or "."

local impasto = {}

-- One word of a command, quoted for the shell.
local function quoted(word)
  if WINDOWS then
    return '"' .. word:gsub('"', '') .. '"' -- file names on Windows have no quotation marks
  end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

-- The strings of a JSON list of strings.
local function strings(list)
  local found = {}
  for word in list:gmatch('"(.-[^\\])"') do
    found[#found + 1] = (word:gsub("\\u%x%x%x%x", "?"):gsub("\\(.)", "%1"))
  end
  return found
end

-- The command that runs Impasto, as quoted words.
local function program()
  local record = read(HERE .. "/installed.json")
  local list = record and record:match('"command"%s*:%s*(%b[])')
  local words = list and strings(list) or { "impasto" }
  for index, word in ipairs(words) do words[index] = quoted(word) end
  return table.concat(words, " ")
end

-- The lines that a command prints to standard output.
local function lines_of(command)
  local found = {}
  local pipe = io.popen(command, "r")
  if pipe then
    for line in pipe:lines() do found[#found + 1] = line end
    pipe:close()
  end
  return found
end

-- The names of the styles and the presets, as options for a list.
local function names(of)
  local found = {}
  for _, line in ipairs(lines_of(program() .. " " .. of .. " --json")) do
    found[#found + 1] = line:match('"name"%s*:%s*"([^"]*)"')
  end
  return found
end

-- The path of an image's painting: in the same folder, with an unused name.
function impasto.target(image)
  local stem = image.path .. "/" .. image.filename:gsub("%.[^.]*$", "") .. "-painted"
  local path, count = stem .. ".tif", 1
  while exists(path) do
    count = count + 1
    path = stem .. "-" .. count .. ".tif"
  end
  return path
end

--[[
Paint one image.

wish: options of `impasto edit`, as a text; "" lets the user choose in the browser.
Returns the new image, or nil and the error.
]]
function impasto.paint(image, wish)
  local format = dt.new_format("tiff")
  format.bpp = 16
  local target = impasto.target(image)
  local begun = target:gsub("%.tif$", ".begun.tif")
  format:write_image(image, begun)
  if not exists(begun) then return nil, "darktable cannot export " .. image.filename end
  local before, said = read(begun), os.tmpname()
  local command = program() .. " edit " .. quoted(begun) .. " " .. wish .. " > " .. quoted(said) .. " 2>&1"
  local code = dt.control.execute(WINDOWS and '"' .. command .. '"' or command)
  local told = (read(said) or ""):match("([^\r\n]*)%s*$")
  os.remove(said)
  if code ~= 0 or read(begun) == before then
    os.remove(begun)
    return nil, told ~= "" and told or "Impasto cannot be run; type: impasto plugins install darktable --overwrite"
  end
  os.rename(begun, target)
  local painted = dt.database.import(target)
  painted:group_with(image)
  return painted
end

-- The controls, in the lighttable.
local function build()
  local style = dt.new_widget("combobox") { label = "style", tooltip = "a style or a preset, or choose in the browser", IN_THE_BROWSER }
  local strength = dt.new_widget("slider") {
    label = "strength", tooltip = "from the photo (0) to the style (100)",
    soft_min = 0, hard_min = 0, soft_max = 100, hard_max = 100, step = 1, digits = 0, value = 100,
  }
  local brush = dt.new_widget("slider") {
    label = "brush size", tooltip = "size of the strokes, relative to the picture",
    soft_min = 0.25, hard_min = 0.25, soft_max = 4, hard_max = 4, step = 0.05, digits = 2, value = 1,
  }
  local presets = {}

  local function fill()
    presets = {}
    local known = names("presets")
    for _, name in ipairs(known) do presets[name .. " (preset)"] = name end
    local entries = { IN_THE_BROWSER }
    for _, name in ipairs(known) do entries[#entries + 1] = name .. " (preset)" end
    for _, name in ipairs(names("styles")) do entries[#entries + 1] = name end
    for index = #style, #entries + 1, -1 do style[index] = nil end
    for index, entry in ipairs(entries) do style[index] = entry end
    if #entries == 1 then dt.print("Impasto is not found; type: pip install impasto, then: impasto plugins install darktable --overwrite") end
  end

  local function wish()
    local chosen = style.value
    if chosen == IN_THE_BROWSER then return "" end
    if presets[chosen] then return "--preset " .. quoted(presets[chosen]) end
    return string.format("--style %s --strength %.0f --brush-size %.2f", quoted(chosen), strength.value, brush.value):gsub("(%d),(%d)", "%1.%2")
  end

  local function paint_selected()
    local images, how = dt.gui.action_images, wish()
    if #images == 0 then return dt.print("no image is selected") end
    local stopped = false
    local job = dt.gui.create_job("painting", true, function(self) stopped = true self.valid = false end)
    for index, image in ipairs(images) do
      if stopped then break end
      local painted, fault = impasto.paint(image, how)
      if not painted then dt.print(image.filename .. ": " .. fault) end
      if not stopped then job.percent = index / #images end
    end
    if not stopped then job.valid = false end
  end

  dt.register_lib(
    "impasto", "Impasto", true, false,
    { [dt.gui.views.lighttable] = { "DT_UI_CONTAINER_PANEL_RIGHT_CENTER", 90 } },
    dt.new_widget("box") {
      orientation = "vertical",
      style, strength, brush,
      dt.new_widget("button") { label = "paint", tooltip = "paint the selected images", clicked_callback = paint_selected },
      dt.new_widget("button") { label = "look for styles again", clicked_callback = fill },
    }
  )
  fill()
end

-- Until its window is open, darktable sometimes hangs when a script creates widgets. The window is open once the mouse
-- is over an image, or an image is selected.
local built = false
local function build_once()
  if not built then
    built = true
    build()
  end
end
dt.register_event("impasto", "mouse-over-image-changed", build_once)
dt.register_event("impasto", "selection-changed", build_once)

return impasto
