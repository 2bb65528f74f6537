// The panel's attributes are read by this small interpreter, as Alpine's own evaluator makes
// functions of text, for which the page's policy would have to allow `unsafe-eval`.
//
// It knows what the panel's pages are written in: literals, members, calls, operators, conditions,
// assignments, `if`, and arrow functions of one expression. Anything else is an error that says so.
(() => {
  const GLOBALS = {
    theme: () => window.theme,
    searchForm: () => window.searchForm,
    searchDropdown: () => window.searchDropdown,
    searchCommand: () => window.searchCommand,
    sortRecords: () => window.sortRecords,
    moveRecords: () => moveRecords,
    getCurrentTab: () => window.getCurrentTab,
    localStorage: () => localStorage,
    window: () => ({ location: window.location }),
  };
  // Whoever could write an attribute would get from these to code or markup after all.
  const CLOSED = new Set([
    ...["constructor", "prototype", "__proto__", "ownerDocument", "defaultView", "contentWindow"],
    ...["innerHTML", "outerHTML", "insertAdjacentHTML", "srcdoc", "setAttribute"],
  ]);
  const LITERALS = { true: true, false: false, null: null, undefined };
  const TOKEN =
    /\s*(?:(\d+(?:\.\d+)?)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|([A-Za-z_$][\w$]*)|(===|!==|=>|==|!=|>=|<=|&&|\|\||\?\?|[-+*/%!<>=?:.,;()[\]{}]))/y;
  const BINARY = [
    { "??": (a, b) => a() ?? b() },
    { "||": (a, b) => a() || b() },
    { "&&": (a, b) => a() && b() },
    {
      "===": (a, b) => a() === b(),
      "!==": (a, b) => a() !== b(),
      "==": (a, b) => a() == b(),
      "!=": (a, b) => a() != b(),
    },
    {
      "<": (a, b) => a() < b(),
      ">": (a, b) => a() > b(),
      "<=": (a, b) => a() <= b(),
      ">=": (a, b) => a() >= b(),
    },
    { "+": (a, b) => a() + b(), "-": (a, b) => a() - b() },
    { "*": (a, b) => a() * b(), "/": (a, b) => a() / b(), "%": (a, b) => a() % b() },
  ];

  function tokens(text) {
    const found = [];
    TOKEN.lastIndex = 0;
    while (text.slice(TOKEN.lastIndex).trim()) {
      const at = TOKEN.lastIndex;
      const match = TOKEN.exec(text);
      if (!match) throw new SyntaxError(`not understood from here: ${text.slice(at)}`);
      const [, number, string, name, sign] = match;
      if (number !== undefined) found.push({ kind: "value", value: Number(number) });
      else if (string !== undefined)
        found.push({ kind: "value", value: string.slice(1, -1).replace(/\\(.)/g, "$1") });
      else if (name !== undefined) found.push({ kind: "name", value: name });
      else found.push({ kind: "sign", value: sign });
    }
    return found;
  }

  function open(name) {
    if (CLOSED.has(String(name))) throw new TypeError(`${name} is not for attributes`);
    return name;
  }

  // A node is `get(env)`; what can be assigned to has `set(env, value)`, what is called as a method
  // `owner(env)` too. `env` is the element's data, and what arrow functions were given.
  function compile(text) {
    const list = tokens(text);
    let place = 0;
    const is = (sign) => list[place]?.kind === "sign" && list[place].value === sign;
    const isWord = (word) => list[place]?.kind === "name" && list[place].value === word;
    const take = (sign) => is(sign) && Boolean(++place);
    const need = (sign) => {
      if (!take(sign)) throw new SyntaxError(`${sign} expected, ${list[place]?.value} found`);
    };
    const word = () => {
      if (list[place]?.kind !== "name") throw new SyntaxError("a name expected");
      return list[place++].value;
    };

    function statements(end) {
      const all = [];
      while (place < list.length && !is(end)) {
        if (!take(";")) all.push(statement());
      }
      return { get: (env) => all.reduce((_, one) => one.get(env), undefined) };
    }

    function statement() {
      if (!isWord("if")) return expression();
      place += 1;
      need("(");
      const condition = expression();
      need(")");
      const then = branch();
      const otherwise = isWord("else") && ++place ? branch() : null;
      return { get: (env) => (condition.get(env) ? then.get(env) : otherwise?.get(env)) };
    }

    function branch() {
      if (!take("{")) return statement();
      const inner = statements("}");
      need("}");
      return inner;
    }

    function arrow() {
      const start = place;
      const names = [];
      if (take("(")) {
        while (list[place]?.kind === "name") {
          names.push(word());
          take(",");
        }
        if (!take(")")) names.length = 0;
      } else if (list[place]?.kind === "name") names.push(word());
      if (!take("=>")) {
        place = start;
        return null;
      }
      const body = expression();
      return {
        get: (env) => (...given) => {
          const locals = { ...env.locals };
          names.forEach((name, index) => {
            locals[name] = given[index];
          });
          return body.get({ ...env, locals });
        },
      };
    }

    function expression() {
      const made = arrow();
      if (made) return made;
      const left = conditional();
      if (!take("=")) return left;
      if (!left.set) throw new SyntaxError("this cannot be assigned to");
      const right = expression();
      return { get: (env) => left.set(env, right.get(env)) };
    }

    function conditional() {
      const condition = binary(0);
      if (!take("?")) return condition;
      const then = expression();
      need(":");
      const otherwise = expression();
      return { get: (env) => (condition.get(env) ? then.get(env) : otherwise.get(env)) };
    }

    function binary(level) {
      if (level === BINARY.length) return unary();
      let left = binary(level + 1);
      while (list[place]?.kind === "sign" && Object.hasOwn(BINARY[level], list[place].value)) {
        const work = BINARY[level][list[place++].value];
        const [a, b] = [left, binary(level + 1)];
        left = { get: (env) => work(() => a.get(env), () => b.get(env)) };
      }
      return left;
    }

    function unary() {
      if (take("!")) return negated(unary(), (value) => !value);
      if (take("-")) return negated(unary(), (value) => -value);
      return postfix(primary());
    }

    function negated(inner, work) {
      return { get: (env) => work(inner.get(env)) };
    }

    function postfix(start) {
      let node = start;
      for (;;) {
        if (take(".")) node = member(node, constant(word()));
        else if (take("[")) {
          node = member(node, expression());
          need("]");
        } else if (take("(")) node = call(node, items(")"));
        else return node;
      }
    }

    function primary() {
      const token = list[place];
      if (take("(")) {
        const inner = expression();
        need(")");
        return { get: inner.get };
      }
      if (take("[")) {
        const all = items("]");
        return { get: (env) => all.map((one) => one.get(env)) };
      }
      if (take("{")) return object();
      if (token?.kind === "value") {
        place += 1;
        return constant(token.value);
      }
      const name = word();
      return Object.hasOwn(LITERALS, name) ? constant(LITERALS[name]) : variable(open(name));
    }

    function items(end) {
      const all = [];
      while (!take(end)) {
        all.push(expression());
        if (!is(end)) need(",");
      }
      return all;
    }

    function object() {
      const pairs = [];
      while (!take("}")) {
        const key = open(list[place]?.kind === "value" ? list[place++].value : word());
        pairs.push([key, take(":") ? expression() : variable(key)]);
        if (!is("}")) need(",");
      }
      return { get: (env) => Object.fromEntries(pairs.map(([key, one]) => [key, one.get(env)])) };
    }

    const program = statements();
    if (place < list.length) throw new SyntaxError(`${list[place].value} is one too many`);
    return program;
  }

  const constant = (value) => ({ get: () => value });

  function variable(name) {
    return {
      get(env) {
        if (Object.hasOwn(env.locals, name)) return env.locals[name];
        if (name in env.data) return env.data[name];
        if (Object.hasOwn(GLOBALS, name)) return GLOBALS[name]();
        throw new ReferenceError(`${name} is not known here`);
      },
      set(env, value) {
        // A name that is new becomes the page's own.
        env.data[name] = value;
        return value;
      },
      owner: (env) => (name in env.data ? env.data : undefined),
    };
  }

  function member(node, key) {
    return {
      get: (env) => node.get(env)[open(key.get(env))],
      set(env, value) {
        node.get(env)[open(key.get(env))] = value;
        return value;
      },
      owner: node.get,
      // The owner is looked up once, as looking it up may be a call.
      of: (env, owner) => owner[open(key.get(env))],
    };
  }

  function call(node, given) {
    return {
      get(env) {
        const owner = node.owner?.(env);
        const work = node.of ? node.of(env, owner) : node.get(env);
        return work.apply(
          owner,
          given.map((one) => one.get(env)),
        );
      },
    };
  }

  const compiled = new Map();

  // The policy refuses `style` attributes that scripts write as text; single properties are allowed.
  function properties(text) {
    const pairs = text.split(";").map((one) => one.split(":").map((part) => part.trim()));
    return Object.fromEntries(pairs.filter(([name]) => name));
  }

  function evaluator(element, expression) {
    const stack = Alpine.closestDataStack(element);
    const isStyle = element.getAttribute?.("x-bind:style") === expression;
    return (receive = () => {}, { scope = {}, params = [] } = {}) => {
      try {
        const data = Alpine.mergeProxies([scope, { $el: element }, ...stack]);
        let value = expression;
        if (typeof expression === "string") {
          if (!compiled.has(expression)) compiled.set(expression, compile(expression));
          value = compiled.get(expression).get({ data, locals: {} });
        }
        if (typeof value === "function") value = value.apply(data, params);
        if (isStyle && typeof value === "string") value = properties(value);
        if (value instanceof Promise) value.then(receive);
        else receive(value);
      } catch (error) {
        error.message = `${error.message}, in: ${expression}`;
        // One attribute that fails must not keep the others from working.
        setTimeout(() => {
          throw error;
        });
      }
    };
  }

  document.addEventListener("alpine:init", () => Alpine.setEvaluator(evaluator));
  // As on the site: no styles of htmx's own, and no attribute that it would have to make code of.
  htmx.config.includeIndicatorStyles = false;
  htmx.config.allowEval = false;
})();
