//! 0302: the stop-list by message (BLK-5).

use super::case::Case;
use crate::request::Extra;
use crate::transactions::Status;
use crate::{Decision, Liability, ResultCode, RuleId, StopListAction, Verdict};
use ledger::GeneralAccount;
use payment_types::DeviceCategory;

/// Only the bank's own devices keep the list: the register says which they are.
pub(super) fn decide(mut case: Case<'_>) -> Decision {
    let ours = case.terminal.is_some_and(|(_, at)| at.category == DeviceCategory::Branch);
    let Some(Extra::File(action)) = case.request.extra else {
        return case.decline(ResultCode::InvalidTransaction);
    };
    if !ours {
        case.note(RuleId::Blk5, Verdict::Decline);
        return case.decline(ResultCode::TerminalNotPermitted);
    }
    match carry_out(&mut case, action) {
        Ok(()) => {
            case.note(RuleId::Blk5, Verdict::Note);
            let row = case.row(Status::Informed, GeneralAccount::MerchantSettlement);
            case.finish(row, ResultCode::FileActionDone, None, Liability::Unset)
        }
        Err(result) => {
            case.note(RuleId::Blk5, Verdict::Decline);
            case.decline(result)
        }
    }
}

fn carry_out(case: &mut Case<'_>, action: StopListAction) -> Result<(), ResultCode> {
    let list = case.state.stop_list();
    match action {
        StopListAction::Put(listed, terms) => {
            if list.overlapped(&listed).is_some() || terms.until < case.date {
                return Err(ResultCode::StopListConflict);
            }
            case.scratch.effects.stop_list = Some(action);
        }
        StopListAction::Remove(listed) => {
            list.entry(&listed).ok_or(ResultCode::NotOnStopList)?;
            case.scratch.effects.stop_list = Some(action);
        }
        StopListAction::Inquire(listed) => {
            let terms = list.entry(&listed).filter(|terms| terms.until >= case.date);
            case.listed = Some(terms.ok_or(ResultCode::NotOnStopList)?);
        }
    }
    Ok(())
}
