//! Takes out of a file what a rule must not see.

use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Block, File, ImplItem, Item, ItemImpl, ItemMod, Meta, Stmt, Token};

/// Removes everything under `#[cfg(test)]`; how many lines that were.
pub fn tests(file: &mut File) -> usize {
    let mut tests = Tests::default();
    tests.visit_file_mut(file);
    tests.lines
}

/// Removes imports inside bodies.
pub fn imports(item: &mut Item) {
    Imports.visit_item_mut(item);
}

#[derive(Default)]
struct Tests {
    lines: usize,
}

impl Tests {
    /// Is this to stay? What goes is counted.
    fn stays(&mut self, attributes: &[Attribute], whole: &impl Spanned) -> bool {
        if !attributes.iter().any(is_for_tests) {
            return true;
        }
        let span = whole.span();
        self.lines += span.end().line - span.start().line + 1;
        false
    }
}

impl VisitMut for Tests {
    fn visit_file_mut(&mut self, file: &mut File) {
        file.items.retain(|item| self.stays(item_attributes(item), item));
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut ItemMod) {
        if let Some((_, items)) = &mut module.content {
            items.retain(|item| self.stays(item_attributes(item), item));
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_impl_mut(&mut self, block: &mut ItemImpl) {
        block.items.retain(|item| match item {
            ImplItem::Const(inner) => self.stays(&inner.attrs, item),
            ImplItem::Fn(inner) => self.stays(&inner.attrs, item),
            _ => true,
        });
        visit_mut::visit_item_impl_mut(self, block);
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        block.stmts.retain(|statement| match statement {
            Stmt::Item(item) => self.stays(item_attributes(item), item),
            Stmt::Local(local) => self.stays(&local.attrs, local),
            _ => true,
        });
        visit_mut::visit_block_mut(self, block);
    }
}

struct Imports;

impl VisitMut for Imports {
    fn visit_block_mut(&mut self, block: &mut Block) {
        block.stmts.retain(|statement| !matches!(statement, Stmt::Item(Item::Use(_))));
        visit_mut::visit_block_mut(self, block);
    }
}

/// `#[cfg(test)]`, `#[test]`, or a `cfg(all(..))` that names `test`.
fn is_for_tests(attribute: &Attribute) -> bool {
    if attribute.path().is_ident("test") {
        return true;
    }
    let Meta::List(list) = &attribute.meta else { return false };
    let named = |meta: &Meta| meta.path().is_ident("test");
    let arguments = syn::punctuated::Punctuated::<Meta, Token![,]>::parse_terminated;
    let Ok(conditions) = list.parse_args_with(arguments) else { return false };
    attribute.path().is_ident("cfg")
        && conditions.iter().any(|condition| match condition {
            Meta::List(all) if all.path.is_ident("all") => {
                all.parse_args_with(arguments).is_ok_and(|inner| inner.iter().any(named))
            }
            _ => named(condition),
        })
}

fn item_attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
