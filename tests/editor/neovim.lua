-- Runs in a headless Neovim (0.7 or later): its own client talks to `osimg lsp`, and what it saw is printed as JSON.
-- Arguments by variables: OSIMG, the binary; the buffer is the manifest, with a slip in `boot.default`.
local seen = {}

local function wait(what, until_true)
  if not vim.wait(20000, until_true, 20) then
    error('Neovim waited in vain for ' .. what .. ': ' .. vim.inspect(vim.diagnostic.get(0)))
  end
end

local function ask(method, params)
  local answers = assert(vim.lsp.buf_request_sync(0, method, params, 20000), method)
  for _, answer in pairs(answers) do
    assert(not answer.error, vim.inspect(answer.error))
    return answer.result
  end
end

local function run()
  vim.bo.filetype = 'yaml'
  local id = assert(vim.lsp.start_client({
    name = 'osimg',
    cmd = { vim.env.OSIMG, 'lsp' },
    root_dir = vim.fn.getcwd(),
  }))
  vim.lsp.buf_attach_client(0, id)
  local client = vim.lsp.get_client_by_id(id)
  wait('findings', function() return #vim.diagnostic.get(0) > 0 end)
  local finding = vim.diagnostic.get(0)[1]
  seen.message, seen.code = finding.message, finding.code or finding.user_data.lsp.code
  seen.lnum, seen.col = finding.lnum, finding.col

  vim.api.nvim_win_set_cursor(0, { finding.lnum + 1, finding.col })
  local params = vim.lsp.util.make_range_params(0, client.offset_encoding)
  params.context = { diagnostics = {} }
  local action = ask('textDocument/codeAction', params)[1]
  seen.action = action.title
  vim.lsp.util.apply_workspace_edit(action.edit, client.offset_encoding)
  wait('no findings', function() return #vim.diagnostic.get(0) == 0 end)
  seen.line = vim.api.nvim_buf_get_lines(0, finding.lnum, finding.lnum + 1, true)[1]

  local here = vim.lsp.util.make_position_params(0, client.offset_encoding)
  seen.hover = ask('textDocument/hover', here).contents.value
  local target = ask('textDocument/definition', here)[1]
  vim.lsp.util.jump_to_location(target, client.offset_encoding)
  seen.definition = vim.api.nvim_get_current_line()

  client.stop()
  wait('the end of the server', function() return client.is_stopped() end)
end

local ok, problem = pcall(run)
seen.problem = not ok and tostring(problem) or nil
io.stdout:write(vim.fn.json_encode(seen))
vim.cmd('qall!')
