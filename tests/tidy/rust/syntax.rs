//! Facts from the syntax tree: imports, functions, declared modules.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Block, File, FnArg, GenericArgument, ImplItemFn, Item, ItemFn, ItemMod, ItemUse, Pat,
    PathArguments, ReturnType, Signature, TraitItemFn, Type, UseTree,
};

use super::{Function, Named, PathUse};

/// Every path that an item, or a body inside it, imports.
pub fn imports(item: &Item) -> Vec<PathUse> {
    let mut imports = Imports::default();
    imports.visit_item(item);
    imports.0
}

/// Every function of an item, with its shape.
pub fn functions(item: &Item) -> Vec<Function> {
    let mut functions = Functions::default();
    functions.visit_item(item);
    functions.0
}

/// Every module that a file declares.
pub fn declared_modules(file: &File) -> Vec<Named> {
    let mut modules = Modules::default();
    modules.visit_file(file);
    modules.0
}

#[derive(Default)]
struct Imports(Vec<PathUse>);

impl Imports {
    fn add(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: String| [before, &[name]].concat();
        let line = tree.span().start().line;
        match tree {
            UseTree::Path(path) => self.add(&with(path.ident.to_string()), &path.tree),
            UseTree::Group(group) => {
                group.items.iter().for_each(|inner| self.add(before, inner));
            }
            // `use a::{self}` is `use a`.
            UseTree::Name(name) if name.ident == "self" && !before.is_empty() => {
                self.0.push(PathUse { segments: before.to_vec(), line });
            }
            UseTree::Name(name) => {
                self.0.push(PathUse { segments: with(name.ident.to_string()), line });
            }
            UseTree::Rename(name) => {
                self.0.push(PathUse { segments: with(name.ident.to_string()), line });
            }
            UseTree::Glob(_) => self.0.push(PathUse { segments: with("*".to_owned()), line }),
        }
    }
}

impl<'a> Visit<'a> for Imports {
    fn visit_item_use(&mut self, import: &'a ItemUse) {
        self.add(&[], &import.tree);
    }
}

#[derive(Default)]
struct Functions(Vec<Function>);

impl Functions {
    fn add(&mut self, signature: &Signature, body: Option<&Block>) {
        let line = signature.fn_token.span.start().line;
        let end = body.map_or_else(|| signature.span(), |body| body.brace_token.span.close());
        let mut parameters = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(&*typed.pat),
            FnArg::Receiver(_) => None,
        });
        let count = parameters.clone().count();
        self.0.push(Function {
            name: signature.ident.to_string(),
            line,
            lines: last_line(end) - line + 1,
            parameters: count,
            first_parameter: parameters.next().and_then(|pattern| match pattern {
                Pat::Ident(name) => Some(name.ident.to_string()),
                _ => None,
            }),
            tuple: match &signature.output {
                ReturnType::Type(_, returned) => widest_tuple(returned),
                ReturnType::Default => 0,
            },
        });
    }
}

fn last_line(span: Span) -> usize {
    span.end().line
}

/// The members of the widest tuple in a type, also inside `Result<..>` and the like.
fn widest_tuple(returned: &Type) -> usize {
    match returned {
        Type::Tuple(tuple) => {
            tuple.elems.iter().map(widest_tuple).max().unwrap_or(0).max(tuple.elems.len())
        }
        Type::Reference(reference) => widest_tuple(&reference.elem),
        Type::Path(path) => {
            let arguments = path.path.segments.iter().filter_map(|segment| {
                let PathArguments::AngleBracketed(generic) = &segment.arguments else {
                    return None;
                };
                generic.args.iter().filter_map(inner_type).map(widest_tuple).max()
            });
            arguments.max().unwrap_or(0)
        }
        _ => 0,
    }
}

fn inner_type(argument: &GenericArgument) -> Option<&Type> {
    match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    }
}

impl<'a> Visit<'a> for Functions {
    fn visit_item_fn(&mut self, function: &'a ItemFn) {
        self.add(&function.sig, Some(&function.block));
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'a ImplItemFn) {
        self.add(&function.sig, Some(&function.block));
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'a TraitItemFn) {
        self.add(&function.sig, function.default.as_ref());
        visit::visit_trait_item_fn(self, function);
    }
}

#[derive(Default)]
struct Modules(Vec<Named>);

impl<'a> Visit<'a> for Modules {
    fn visit_item_mod(&mut self, module: &'a ItemMod) {
        let line = module.mod_token.span.start().line;
        self.0.push(Named { name: module.ident.to_string(), line });
        visit::visit_item_mod(self, module);
    }
}
