//===- DevicePTX.cpp - Device functions that are PTX ----------------------===//
//
// One module of PTX takes in others as text: an assembler that sees the function and its caller together shares out the
// registers of both, where a linker would have to keep to the calling convention. A name that a function's module
// defines is followed by the function's symbol, since others may define it too.
//
//===----------------------------------------------------------------------===//

#include "kiln/Dialect/Tile/IR/DeviceFunctions.h"
#include "kiln/Target/NVPTX/DeviceCode.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace llvm;
using namespace kiln;
using namespace kiln::gpu;

namespace {

/// A name, a directive or number with its letters, a string, or one other character. Comments are left out, and so are
/// lines of the source: they count in a table of files that only their module has.
struct Token {
  StringRef text;
  bool isName = false;
};

bool isNameStart(char c) { return isAlpha(c) || c == '_' || c == '$' || c == '%'; }
bool isNamePart(char c) { return isAlnum(c) || c == '_' || c == '$'; }

SmallVector<Token> tokenize(StringRef text) {
  SmallVector<Token> tokens;
  auto take = [&](size_t length, bool isName = false) {
    tokens.push_back({text.take_front(length), isName});
    text = text.drop_front(length);
  };
  auto lengthWhile = [&](size_t start, function_ref<bool(char)> holds) {
    while (start < text.size() && holds(text[start]))
      ++start;
    return start;
  };
  while (!text.empty()) {
    if (text.starts_with("//"))
      text = text.drop_front(std::min(text.find('\n'), text.size()));
    else if (text.starts_with("/*"))
      text = text.drop_front(std::min(text.find("*/"), text.size() - 2) + 2);
    else if (text[0] == '"')
      take(std::min(text.find('"', 1), text.size() - 1) + 1);
    else if (isNameStart(text[0]))
      take(lengthWhile(1, isNamePart), /*isName=*/true);
    else if (text.starts_with(".loc") && text.size() > 4 && isSpace(text[4]))
      text = text.drop_front(std::min(text.find('\n'), text.size()));
    else if (text[0] == '.' || isDigit(text[0]))
      take(lengthWhile(1, [](char c) { return isAlnum(c) || c == '_'; }));
    else
      take(1);
  }
  return tokens;
}

struct Declaration {
  StringRef name;
  bool isExternal = false;
  size_t begin = 0, end = 0; // tokens; of a function the body is included
};

/// The functions and variables of a module.
SmallVector<Declaration> findDeclarations(ArrayRef<Token> tokens) {
  enum class Kind { None, Function, Variable };
  SmallVector<Declaration> declarations;
  std::optional<size_t> begin;
  Declaration current;
  Kind kind = Kind::None;
  int braces = 0, parentheses = 0;
  for (auto [index, token] : enumerate(tokens)) {
    StringRef text = token.text;
    braces += (text == "{") - (text == "}");
    parentheses += (text == "(") - (text == ")");
    if (braces != 0 || parentheses != 0)
      continue;
    bool isFunction = text == ".func";
    bool isVariable = is_contained({".global", ".const", ".shared"}, text);
    if (!begin && (isFunction || isVariable || is_contained({".visible", ".extern", ".weak", ".common"}, text)))
      begin = index;
    current.isExternal |= text == ".extern";
    if (kind == Kind::None && (isFunction || isVariable))
      kind = isFunction ? Kind::Function : Kind::Variable;
    else if (kind != Kind::None && token.isName && current.name.empty())
      current.name = text;
    // The initialiser of a variable has braces, too.
    if (text != ";" && !(text == "}" && kind == Kind::Function))
      continue;
    if (begin && kind != Kind::None) {
      current.begin = *begin;
      current.end = index + 1;
      declarations.push_back(current);
    }
    begin.reset();
    current = {};
    kind = Kind::None;
  }
  return declarations;
}

/// The number behind ".version", 10 * major + minor.
unsigned readVersion(StringRef ptx) {
  StringRef rest = ptx.substr(ptx.find(".version ")).drop_front(StringRef(".version ").size()).ltrim();
  unsigned major = 0, minor = 0;
  rest.consumeInteger(10, major);
  rest.consume_front(".");
  rest.consumeInteger(10, minor);
  return 10 * major + minor;
}

std::string join(ArrayRef<Token> tokens, function_ref<std::string(const Token &)> spell) {
  std::string result;
  for (const Token &token : tokens)
    result += spell(token);
  return result;
}

/// The declarations of one function's module, with names of their own. `external` gets what is declared elsewhere.
std::string rename(const DeviceCode &code, StringMap<std::string> &external) {
  SmallVector<Token> tokens = tokenize(code.ptx);
  SmallVector<Declaration> declarations = findDeclarations(tokens);
  std::string entry = (tile::kDeviceFunctionPrefix + code.symbol).str();
  StringSet<> own;
  for (const Declaration &declaration : declarations)
    if (!declaration.isExternal && declaration.name != entry)
      own.insert(declaration.name);
  auto spell = [&](const Token &token) {
    return token.isName && own.contains(token.text) ? (token.text + "__" + code.symbol).str() : token.text.str();
  };
  std::string result;
  for (const Declaration &declaration : declarations) {
    std::string text =
        join(ArrayRef(tokens).slice(declaration.begin, declaration.end - declaration.begin), spell) + "\n";
    if (declaration.isExternal)
      external.try_emplace(declaration.name, text);
    else
      result += StringRef(text).starts_with(".visible") ? StringRef(text).drop_front(8).ltrim().str() : text;
  }
  return result;
}

} // namespace

std::string gpu::linkPTX(StringRef kernel, ArrayRef<DeviceCode> functions) {
  unsigned version = readVersion(kernel);
  StringSet<> defined;
  StringMap<std::string> external;
  std::string code;
  for (const DeviceCode &function : functions) {
    if (function.ptx.empty())
      continue;
    version = std::max(version, readVersion(function.ptx));
    defined.insert((tile::kDeviceFunctionPrefix + function.symbol).str());
    code += rename(function, external);
  }
  if (defined.empty())
    return kernel.str();

  // Without the declarations of what is defined now.
  SmallVector<Token> tokens = tokenize(kernel);
  std::string rest;
  const char *position = kernel.data();
  for (const Declaration &declaration : findDeclarations(tokens)) {
    if (declaration.isExternal)
      external.erase(declaration.name);
    if (!declaration.isExternal || !defined.contains(declaration.name))
      continue;
    const char *begin = tokens[declaration.begin].text.data();
    rest.append(position, begin);
    position = tokens[declaration.end - 1].text.end();
  }
  rest.append(position, kernel.end());
  std::string declared;
  for (const auto &entry : external)
    declared += entry.second;

  // The version stands in the first line of code, the rest of the head in the next two.
  size_t head = rest.find('\n', rest.find(".address_size")) + 1;
  StringRef target = StringRef(rest).slice(rest.find(".target"), head);
  return ".version " + std::to_string(version / 10) + "." + std::to_string(version % 10) + "\n" + target.str() +
         declared + code + rest.substr(head);
}
