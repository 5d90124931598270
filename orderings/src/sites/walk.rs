//! Walks through the syntax of a file.

use super::cfg::may_be_built;
use super::*;
use proc_macro2::{TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Arm, Attribute, Block, Expr, ExprPath, Item, Lit, Pat, Stmt, Token, UseTree};

/// An ordering as it stands there.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) item: String,
    pub(super) operation: String,
    pub(super) ordering: String,
    pub(super) bytes: Range<usize>,
    pub(super) line: usize,
    /// The line on which its function begins.
    pub(super) from: usize,
}

#[derive(Default)]
pub(super) struct Finder {
    pub(super) orderings: Vec<Raw>,
    pub(super) modules: Vec<String>,
    pub(super) error: Option<syn::Error>,
    /// The names of the items around.
    path: Vec<String>,
    /// Where the innermost of them begins.
    from: usize,
    /// The call whose argument is looked at, and as what the argument is given to it.
    operation: Option<String>,
}

const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

impl Finder {
    fn fail(&mut self, at: &impl Spanned, why: &str) {
        self.error.get_or_insert_with(|| syn::Error::new(at.span(), why));
    }

    fn within(&mut self, name: String, from: usize, look: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.from, from);
        self.path.push(name);
        look(self);
        self.path.pop();
        self.from = before;
    }

    fn argument(&mut self, operation: Option<String>, look: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.operation, operation);
        look(self);
        self.operation = before;
    }

    /// Looks into a macro whose arguments are items, statements or expressions.
    fn tokens(&mut self, tokens: &TokenStream) {
        if !mentions_ordering(tokens) {
            return;
        }
        let tokens = || tokens.clone();
        if let Ok(file) = syn::parse2::<syn::File>(tokens()) {
            self.visit_file(&file);
        } else if let Ok(args) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens()) {
            args.iter().for_each(|arg| self.visit_expr(arg));
        } else if let Ok(statements) = Block::parse_within.parse2(tokens()) {
            statements.iter().for_each(|statement| self.visit_stmt(statement));
        } else {
            self.fail(&tokens(), "an ordering in a macro that cannot be read");
        }
    }
}

impl<'a> Visit<'a> for Finder {
    fn visit_item(&mut self, item: &'a Item) {
        let (attributes, name): (&[Attribute], String) = match item {
            Item::Fn(item) => (&item.attrs, item.sig.ident.to_string()),
            Item::Const(item) => (&item.attrs, item.ident.to_string()),
            Item::Static(item) => (&item.attrs, item.ident.to_string()),
            Item::Trait(item) => (&item.attrs, item.ident.to_string()),
            Item::Impl(item) => (&item.attrs, type_name(&item.self_ty)),
            Item::Mod(item) => {
                if item.content.is_none() && may_be_built(&item.attrs) {
                    self.modules.push(item.ident.to_string());
                }
                (&item.attrs, item.ident.to_string())
            }
            Item::Use(item) if may_be_built(&item.attrs) => {
                if brings_in_a_variant(&item.tree, false) {
                    self.fail(item, "an ordering by a name of its own would not be found");
                }
                return;
            }
            // What a macro is called with is written where it is called.
            Item::Macro(item) => {
                if may_be_built(&item.attrs) {
                    self.tokens(&item.mac.tokens);
                }
                return;
            }
            _ => return,
        };
        if may_be_built(attributes) {
            let from = item.span().start().line;
            self.within(name, from, |this| visit::visit_item(this, item));
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        if may_be_built(&item.attrs) {
            let from = item.sig.span().start().line;
            let name = item.sig.ident.to_string();
            self.within(name, from, |this| visit::visit_block(this, &item.block));
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        if may_be_built(&item.attrs) {
            let from = item.sig.span().start().line;
            let name = item.sig.ident.to_string();
            self.within(name, from, |this| visit::visit_trait_item_fn(this, item));
        }
    }

    fn visit_stmt(&mut self, statement: &'a Stmt) {
        let is_built = match statement {
            Stmt::Local(local) => may_be_built(&local.attrs),
            Stmt::Macro(call) => may_be_built(&call.attrs),
            Stmt::Item(_) | Stmt::Expr(..) => true, // looked at where they are visited
        };
        if is_built {
            self.argument(None, |this| visit::visit_stmt(this, statement));
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if may_be_built(attributes(expression)) {
            visit::visit_expr(self, expression);
        }
    }

    fn visit_field_value(&mut self, field: &'a syn::FieldValue) {
        if may_be_built(&field.attrs) {
            self.argument(None, |this| visit::visit_field_value(this, field));
        }
    }

    fn visit_arm(&mut self, arm: &'a Arm) {
        let is_planted = matches!(&arm.pat, Pat::Guard(pat) if is_planted(&pat.guard));
        if may_be_built(&arm.attrs) && !is_planted {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_expr_if(&mut self, expression: &'a syn::ExprIf) {
        if !is_planted(&expression.cond) {
            return visit::visit_expr_if(self, expression);
        }
        if let Some((_, otherwise)) = &expression.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_while(&mut self, expression: &'a syn::ExprWhile) {
        if !is_planted(&expression.cond) {
            visit::visit_expr_while(self, expression);
        }
    }

    fn visit_expr_binary(&mut self, expression: &'a syn::ExprBinary) {
        if !is_planted_too(expression) {
            visit::visit_expr_binary(self, expression);
        }
    }

    fn visit_expr_match(&mut self, expression: &'a syn::ExprMatch) {
        let planted = is_planted(&expression.expr);
        let is_so = |pat: &Pat| matches!(pat, Pat::Lit(lit) if matches!(&lit.lit, Lit::Bool(so) if so.value));
        self.visit_expr(&expression.expr);
        for arm in expression.arms.iter().filter(|arm| !(planted && is_so(&arm.pat))) {
            self.visit_arm(arm);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        self.visit_expr(&call.receiver);
        let method = call.method.to_string();
        for (nth, argument) in call.args.iter().enumerate() {
            let operation = match (method.as_str(), nth) {
                ("compare_exchange" | "compare_exchange_weak", 2) => format!("{method}, success"),
                ("compare_exchange" | "compare_exchange_weak", 3) => format!("{method}, failure"),
                ("fetch_update", 0) => format!("{method}, success"),
                ("fetch_update", 1) => format!("{method}, failure"),
                _ => method.clone(),
            };
            self.argument(Some(operation), |this| this.visit_expr(argument));
        }
    }

    fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
        self.visit_expr(&call.func);
        let function = match &*call.func {
            Expr::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
            _ => None,
        };
        for argument in &call.args {
            self.argument(function.clone(), |this| this.visit_expr(argument));
        }
    }

    fn visit_expr_path(&mut self, path: &'a ExprPath) {
        let mut last = path.path.segments.iter().rev();
        let (Some(variant), Some(name)) = (last.next(), last.next()) else { return };
        let ordering = variant.ident.to_string();
        if name.ident == "Ordering" && ORDERINGS.contains(&ordering.as_str()) {
            let (start, end) = (path.span(), variant.ident.span());
            self.orderings.push(Raw {
                item: self.path.join("::"),
                operation: self.operation.clone().unwrap_or_else(|| "a value".to_owned()),
                ordering,
                bytes: start.byte_range().start..end.byte_range().end,
                line: start.start().line,
                from: self.from,
            });
        }
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        self.tokens(&call.tokens);
    }
}

fn type_name(of: &syn::Type) -> String {
    match of {
        syn::Type::Path(path) => {
            path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default()
        }
        _ => String::from("impl"),
    }
}

/// Whether an expression is true only where a bug is planted.
fn is_planted(expression: &Expr) -> bool {
    match expression {
        Expr::Call(call) => {
            matches!(&*call.func, Expr::Path(path) if path.path.is_ident("planted"))
        }
        Expr::Binary(binary) => is_planted_too(binary),
        _ => false,
    }
}

/// Whether it asks for one first, and only then for something else.
fn is_planted_too(expression: &syn::ExprBinary) -> bool {
    matches!(expression.op, syn::BinOp::And(_)) && is_planted(&expression.left)
}

/// Whether a `use` has `Ordering::` and something after it.
fn brings_in_a_variant(tree: &UseTree, within: bool) -> bool {
    match tree {
        UseTree::Path(path) => brings_in_a_variant(&path.tree, path.ident == "Ordering"),
        UseTree::Group(group) => group.items.iter().any(|item| brings_in_a_variant(item, within)),
        UseTree::Rename(rename) => within || rename.ident == "Ordering",
        _ => within,
    }
}

fn mentions_ordering(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Ordering",
        TokenTree::Group(group) => mentions_ordering(&group.stream()),
        _ => false,
    })
}

/// The attributes of those expressions that can stand as statements.
fn attributes(expression: &Expr) -> &[Attribute] {
    match expression {
        Expr::Assign(syn::ExprAssign { attrs, .. })
        | Expr::Binary(syn::ExprBinary { attrs, .. })
        | Expr::Block(syn::ExprBlock { attrs, .. })
        | Expr::Call(syn::ExprCall { attrs, .. })
        | Expr::ForLoop(syn::ExprForLoop { attrs, .. })
        | Expr::If(syn::ExprIf { attrs, .. })
        | Expr::Loop(syn::ExprLoop { attrs, .. })
        | Expr::Macro(syn::ExprMacro { attrs, .. })
        | Expr::Match(syn::ExprMatch { attrs, .. })
        | Expr::MethodCall(syn::ExprMethodCall { attrs, .. })
        | Expr::Return(syn::ExprReturn { attrs, .. })
        | Expr::Try(syn::ExprTry { attrs, .. })
        | Expr::Unsafe(syn::ExprUnsafe { attrs, .. })
        | Expr::While(syn::ExprWhile { attrs, .. }) => attrs,
        _ => &[],
    }
}
